"""Prints the results of `ocr-celery read` in order or has them written to files; progress and errors go to standard error."""

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from typing import Any, BinaryIO

import click

from ocr_celery.cli.input_files import InputFile
from ocr_celery.cli.output_folder import OutputFolder
from ocr_celery.cli.output_formats import WHOLE_ANSWER, OutputFormat
from ocr_celery.cli.service_answers import ReadFailed
from ocr_celery.cli.service_client import ReadResult
from ocr_celery.core import markdown


class Output:
    """Prints or writes results as they arrive. Used from one thread, but for `open`.

    `formats`: of each input file, in the order in which they are printed. `folder`: where files are written; None: standard
    output. `are_fetched`: whether the formats come through `open`, else the text in the task is the only one. `prints_answers`:
    one line of JSON for each input file goes to standard output.
    """

    def __init__(
        self,
        formats: Mapping[InputFile, tuple[OutputFormat, ...]],
        *,
        folder: OutputFolder | None,
        are_fetched: bool,
        prints_answers: bool,
    ) -> None:
        self._input_files = input_files = list(formats)
        self._formats = formats
        self._folder = folder
        self._are_fetched, self._prints_answers = are_fetched, prints_answers
        self._fetched: dict[InputFile, BytesIO] = {}  # what is to be printed
        self._waiting: dict[int, bytes] = {}  # what waits for earlier ones, by number; b"": failed
        self._next = 0
        self.failed = 0
        self._bar = None
        if sys.stderr.isatty():
            self._bar = click.progressbar(length=len(input_files), label="reading", file=sys.stderr, show_pos=True)
            self._bar.render_progress()

    def close(self) -> None:
        """Finish the progress bar; nothing is added any more."""
        if self._bar:
            self._bar.render_finish()

    @contextmanager
    def open(self, input_file: InputFile, format: OutputFormat) -> Iterator[BinaryIO]:
        """Where the result of an input file is to be written in this format; see `OutputFolder.open`. From any thread."""
        if self._folder is not None:
            with self._folder.open(input_file, format) as file:
                yield file
            return
        fetched = BytesIO()
        yield fetched
        self._fetched[input_file] = fetched

    def add(self, number: int, answer: ReadResult | ReadFailed) -> None:
        """Take the result of input file `number`, what there is to be fetched of it fetched, or why it failed."""
        input_file = self._input_files[number]
        if isinstance(answer, ReadFailed):
            self.failed += 1
            self.warn(f"{input_file.location}: {answer}")
            printed = self._line(input_file, {"status": "failed", **answer.as_dict()})
        else:
            self.failed += bool(answer.failed)
            for remark in _remarks(answer):
                self.warn(input_file.location + remark)
            printed = self._printed(input_file, answer)
        self._waiting[number] = printed
        self._print_waiting()
        if self._bar:
            self._bar.update(1)
        elif not isinstance(answer, ReadFailed):
            click.echo(f"{input_file.location}: {_what_was_read(answer.task)}", err=True)

    def show_progress(self, number: int, what: str) -> None:
        """Show on the terminal what is being done with input file `number`."""
        if self._bar:
            self._bar.label = f"{self._input_files[number].output_name.name[:30]}: {what}; reading"
            self._bar.render_progress()

    def warn(self, text: str) -> None:
        """Print a line on standard error."""
        self._clear_bar()
        click.echo(text, err=True)

    def _printed(self, input_file: InputFile, answer: ReadResult) -> bytes:
        """What goes to standard output of a file that was read; what goes into the folder is written."""
        if self._prints_answers:
            return self._line(input_file, answer.task | self._told(input_file, answer))
        if self._are_fetched:
            return self._fetched.pop(input_file, BytesIO()).getvalue()
        (form,) = self._formats[input_file]
        text = str(answer.task["result"]).rstrip("\n") + "\n"
        if form is WHOLE_ANSWER:
            text = _json_line({"source": input_file.location, **answer.task})
        if self._folder is None:
            return text.encode()
        with self._folder.open(input_file, form) as file:
            file.write(text.encode())
        return b""

    def _told(self, input_file: InputFile, answer: ReadResult) -> dict[str, Any]:
        if self._folder is None:
            return {}
        there = [form for form in self._formats[input_file] if form not in answer.failed]
        not_there = {form.name: exc.as_dict() for form, exc in answer.failed.items()}
        files = {form.name: str(self._folder.path(input_file, form)) for form in there}
        return {"files": files, **({"failed_formats": not_there} if not_there else {})}

    def _line(self, input_file: InputFile, answer: dict[str, Any]) -> bytes:
        return _json_line({"source": input_file.location, **answer}).encode() if self._prints_answers else b""

    def _print_waiting(self) -> None:
        while self._next in self._waiting:
            data = self._waiting.pop(self._next)
            if data:
                self._clear_bar()
                click.echo(self._with_heading(self._input_files[self._next], data), nl=False)
            self._next += 1

    def _with_heading(self, input_file: InputFile, data: bytes) -> bytes:
        (form,) = self._formats[input_file] if not self._prints_answers else (WHOLE_ANSWER,)
        if len(self._input_files) == 1 or form.name not in ("md", "raw", "text"):
            return data
        if form.name == "md":
            return f"# {markdown.escape(input_file.location)}\n\n".encode() + data + b"\n---\n\n"
        return f"===== {input_file.location} =====\n".encode() + data + b"\n"

    def _clear_bar(self) -> None:
        if self._bar:
            click.echo("\r\033[K", nl=False, err=True)


def _remarks(answer: ReadResult) -> Iterator[str]:
    """What a user should know of a file that was read, to be said behind its name."""
    task = answer.task
    details, pages = task.get("details") or {}, task.get("pages") or {}
    if pages.get("in_file", 1) > pages.get("read", pages.get("in_file", 1)):
        yield f": one of its {pages['in_file']} pages was read"
    for page in task.get("failed_pages") or ():
        yield f", page {page.get('page')}: {page.get('code')}: {page.get('error')}"
    if details.get("finish_reason") == "length":
        yield ": the text is cut off: a page has more tokens than max_tokens allows"
    if details.get("verdict") == "unsure":
        yield f": the engine doubts {_doubtful_part(details, pages)}; compare it with the pages"
    if task.get("fonts_missing"):
        yield ": fonts are missing on the worker's machine (apt install fonts-noto-cjk)"
    if task.get("text_layer") or task.get("text_layer_pages"):
        which = ", ".join(map(str, task.get("text_layer_pages") or ()))
        yield f": the PDF's own text was taken of {f'pages {which}' if which else 'the page'}"
    for form, error in answer.failed.items():
        yield f", as {form.name}: {error}"


def _doubtful_part(details: Mapping[str, Any], pages: Mapping[str, Any]) -> str:
    """Of several pages no share is named: of all of them together it may be next to nothing."""
    if pages.get("total", 1) > 1:
        return "the text of some of its pages"
    return f"{details.get('doubtful_share', 0):.0%} of the text"


def _what_was_read(task: Mapping[str, Any]) -> str:
    pages = task.get("pages") or {}
    return f"{pages.get('completed')} of {pages['total']} pages read" if pages.get("total") else "read"


def _json_line(answer: Mapping[str, Any]) -> str:
    return json.dumps(answer, ensure_ascii=False) + "\n"
