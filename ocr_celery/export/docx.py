"""The format `docx`: pandoc makes it of our own HTML, with formulas that Word can edit, tables whose cells span, and figures.

Pandoc is licensed under the GPL: it is run as a program where it is installed, and no part of it is imported. It gets nothing but
sanitized HTML that names no address to fetch, some pages at once, and is bounded in memory and time.
"""

import base64
import logging
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from PIL import Image

from ocr_celery.decode import python_child
from ocr_celery.errors import ExportFailed, FormatNotAvailable, OcrError
from ocr_celery.export import bounded_program
from ocr_celery.export.contract import ExportJob
from ocr_celery.export.docx_joining import join_documents, stand_in
from ocr_celery.export.figures import FigureCutter
from ocr_celery.export.html import HtmlDocument

log = logging.getLogger(__name__)
_PORTION = 200_000  #: characters of HTML that pandoc gets at once, or one page: it takes some 150 MB for them
_HEAP = "2g"  #: of pandoc
_SECONDS = 300.0  #: for a portion
_NO_HEAP, _NO_DATA_FILE = 251, 97  #: exit codes of pandoc
_QUALITY = 80  #: of JPEG
_MOST_FIGURES = 200_000_000  #: bytes of all figures; further ones are left out
_HEAD, _FOOT = '<!DOCTYPE html><html><head><meta charset="utf-8"></head><body>\n', "</body></html>\n"


def write_docx(job: ExportJob) -> Path:
    """Write it. Raises `FormatNotAvailable` where pandoc is missing or too old, `ExportFailed` where it fails."""
    pandoc = shutil.which("pandoc")
    if pandoc is None:
        raise FormatNotAvailable("pandoc, which makes docx, is missing on the exporter: apt-get install pandoc")
    run, html, portions = _Pandoc(job, pandoc), _Html(job), list[Path]()
    for source in html.portions():
        portions.append(source.with_suffix(".docx"))
        run(source, portions[-1])
    target = job.folder / "result.docx"
    join_documents(portions, target, html.figure)
    return target


class _Pandoc:
    """Makes the Word file of an HTML file."""

    def __init__(self, job: ExportJob, program: str) -> None:
        self._job, self._program, self._sandbox = job, program, ["--sandbox"]

    def __call__(self, source: Path, target: Path) -> None:
        command, end = [self._program, *_options(source, target)], time.monotonic() + _SECONDS
        status, said = _run(self._job, [*command, *self._sandbox], end)
        if status == _NO_DATA_FILE and self._sandbox:  # of Debian: in its sandbox it does not find its own files
            self._sandbox = []
            status, said = _run(self._job, command, end)
        if status:
            raise _error(status, said)


def _options(source: Path, target: Path) -> list[str]:
    return ["+RTS", f"-M{_HEAP}", "-RTS", "--from=html-raw_html", "--to=docx", f"--output={target}", str(source)]


def _error(status: int, said: str) -> OcrError:
    log.warning("pandoc failed: %d, %s", status, said)
    if status == _NO_HEAP:
        return ExportFailed(f"A page is too long for docx: pandoc would need more than {_HEAP} of memory.")
    if "--sandbox" in said:
        return FormatNotAvailable("The exporter's pandoc, which makes docx, is too old; 2.15 or newer is needed.")
    return ExportFailed()


class _Html:
    """The HTML of a result, with stand-ins for its figures."""

    def __init__(self, job: ExportJob) -> None:
        self._job = job
        self._writer = HtmlDocument(job.head, self._find)
        self._cutter = FigureCutter(job, quality=_QUALITY, most_bytes=_MOST_FIGURES, report=_log_left_out)
        self._addresses: dict[int, str] = {}  # of the figures of the page that is written, by the index of their block
        self._count = 0

    def portions(self) -> Iterator[Path]:
        """Files of some pages each, one after the other; one at least."""
        count, pieces = 0, list[str]()
        for page in self._job.pages():
            self._addresses = {index: self._kept(figure) for index, figure in self._cutter.cut(page)}
            pieces.append(self._writer.add(page))
            if sum(map(len, pieces)) >= _PORTION:
                count, written, pieces = count + 1, pieces, []
                yield self._write(count, written)
        if pieces or not count:
            yield self._write(count + 1, pieces)

    def figure(self, number: int) -> Path:
        """Where the figure with this number lies."""
        return self._job.folder / f"{number}.jpg"

    def _write(self, number: int, pieces: list[str]) -> Path:
        path = self._job.folder / f"{number}.html"
        path.write_text("".join((_HEAD, *pieces, _FOOT)), encoding="utf-8", errors="replace")
        return path

    def _kept(self, figure: bytes) -> str:
        """Write the figure into its file; the address of its stand-in."""
        self.figure(self._count).write_bytes(figure)
        with Image.open(BytesIO(figure)) as header:
            data = stand_in(self._count, header.size)
        self._count += 1
        return f"data:image/jpeg;base64,{base64.b64encode(data).decode()}"

    def _find(self, page: int, index: int) -> str:  # noqa: ARG002  (it is the page that is written)
        return self._addresses.get(index, "")


def _log_left_out(what: str) -> None:
    log.info("figures left out: %s", what)


def _run(job: ExportJob, command: list[str], end: float) -> tuple[int, str]:
    """Run pandoc; its exit code, and what it said. It is killed where the job is to end, and at `end`, by the monotonic clock."""
    said = job.folder / "pandoc.log"
    with said.open("wb") as errors:
        process = bounded_program.start(
            command,
            cpu_seconds=end - time.monotonic(),
            cwd=job.folder,
            env={**python_child.environment(), "HOME": str(job.folder), "LC_ALL": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
        )
        try:
            while True:
                try:
                    status = process.wait(1)
                    break
                except subprocess.TimeoutExpired:
                    job.check()
                if time.monotonic() > end:
                    raise _too_slow()
        finally:
            process.kill()
            process.wait()
    if status == -signal.SIGXCPU:
        raise _too_slow()
    with said.open(encoding="utf-8", errors="replace") as text:
        return status, " ".join(text.read(500).split())


def _too_slow() -> ExportFailed:
    return ExportFailed(f"Pandoc took more than {_SECONDS:g} s to make docx of the result.")
