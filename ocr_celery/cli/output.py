"""Prints the texts of `ocr-celery read` in order or writes files; progress and errors go to standard error."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import click

from ocr_celery.cli.input_files import InputFile
from ocr_celery.cli.service_answers import ReadFailed
from ocr_celery.core import markdown


def output_path(folder: Path, input_file: InputFile, suffix: str) -> Path:
    """The file that the text of an input file is written to."""
    return folder / input_file.output_name.with_name(input_file.output_name.name + suffix)


def _json_line(answer: dict[str, Any]) -> str:
    return json.dumps(answer, ensure_ascii=False) + "\n"


def _what_was_read(task: dict[str, Any]) -> str:
    pages = task.get("pages") or {}
    return f"{pages.get('completed')} of {pages['total']} pages read" if pages.get("total") else "read"


class Output:
    """Prints or writes answers as they arrive. Used from one thread.

    `folder`: where files are written, their names with `suffix`; None: standard output. `text_format`: of the texts; it decides
    what may stand between them. `as_json`: the whole answer, one line per input file on standard output.
    """

    def __init__(
        self, input_files: list[InputFile], *, folder: Path | None, suffix: str, text_format: str, as_json: bool = False
    ) -> None:
        self._input_files = input_files
        self._folder = folder
        self._suffix = suffix
        self._text_format = text_format
        self._as_json = as_json
        self._waiting: dict[int, str | None] = {}  # texts that wait for earlier ones, by number; None: failed
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

    def add(self, number: int, answer: "dict[str, Any] | ReadFailed") -> None:
        """Take the finished task of input file `number`, or why it failed."""
        input_file = self._input_files[number]
        text: str | bytes | None = None
        if isinstance(answer, ReadFailed):
            self.failed += 1
            self.warn(f"{input_file.location}: {answer}")
            if self._as_json and self._folder is None:
                text = _json_line({"source": input_file.location, "status": "failed", **answer.as_dict()})
        else:
            text = self._format_text(input_file, answer)
        if self._folder is None:
            assert not isinstance(text, bytes)
            self._waiting[number] = text
            self._print_waiting()
        elif text is not None:
            self._write(input_file, text)
        if self._bar:
            self._bar.update(1)
        elif not isinstance(answer, ReadFailed):
            click.echo(f"{input_file.location}: {_what_was_read(answer)}", err=True)

    def show_pages(self, number: int, done: int, total: int) -> None:
        """Show on the terminal how many pages of input file `number` are done."""
        if self._bar:
            self._bar.label = f"{self._input_files[number].output_name.name[:30]}: page {done} of {total}; reading"
            self._bar.render_progress()

    def warn(self, text: str) -> None:
        """Print a line on standard error."""
        self._clear_bar()
        click.echo(text, err=True)

    def _format_text(self, input_file: InputFile, task: dict[str, Any]) -> str | bytes:
        details = task.get("details") or {}
        pages = task.get("pages") or {}
        if pages.get("in_file", 1) > pages.get("read", pages.get("in_file", 1)):
            self.warn(f"{input_file.location}: one of its {pages['in_file']} pages was read")
        for page in task.get("failed_pages") or ():
            self.warn(f"{input_file.location}, page {page.get('page')}: {page.get('code')}: {page.get('error')}")
        if details.get("finish_reason") == "length":
            self.warn(f"{input_file.location}: the text is cut off: a page has more tokens than max_tokens allows")
        if task.get("fonts_missing"):
            self.warn(f"{input_file.location}: fonts are missing on the worker's machine (apt install fonts-noto-cjk)")
        if task.get("text_layer") or task.get("text_layer_pages"):
            which = ", ".join(map(str, task.get("text_layer_pages") or ()))
            self.warn(
                f"{input_file.location}: the PDF's own text was taken of {f'pages {which}' if which else 'the page'}"
            )
        if self._as_json:
            return _json_line({"source": input_file.location, **task})
        if isinstance(task.get("result"), bytes):
            return bytes(task["result"])
        return str(task.get("result", "")).rstrip("\n") + "\n"

    def _print_waiting(self) -> None:
        while self._next in self._waiting:
            text = self._waiting.pop(self._next)
            if text is not None:
                self._clear_bar()
                click.echo(self._with_heading(self._input_files[self._next].location, text), nl=False)
            self._next += 1

    def _with_heading(self, location: str, text: str) -> str:
        if len(self._input_files) == 1 or self._as_json or self._text_format in ("json", "chunks"):
            return text
        if self._text_format in ("raw", "text"):
            return f"===== {location} =====\n{text}\n"
        return f"# {markdown.escape(location)}\n\n{text}\n---\n\n"

    def _write(self, input_file: InputFile, text: str | bytes) -> None:
        """Write the file atomically: a program that watches the folder never sees half a text."""
        assert self._folder is not None
        path = output_path(self._folder, input_file, self._suffix)
        unfinished = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            unfinished.write_bytes(text if isinstance(text, bytes) else text.encode())
            unfinished.replace(path)
        except OSError as exc:
            raise click.ClickException(f"cannot write {path}: {exc.strerror}") from None
        finally:
            unfinished.unlink(missing_ok=True)

    def _clear_bar(self) -> None:
        if self._bar:
            click.echo("\r\033[K", nl=False, err=True)
