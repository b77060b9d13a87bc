"""The format `docx`: pandoc makes it of our own HTML, with formulas that Word can edit, tables whose cells span, and figures.

Pandoc is licensed under the GPL: it is run as a program where it is installed, and no part of it is imported. It gets nothing but
sanitized HTML that names no address to fetch, and is bounded in memory and time.
"""

import base64
import logging
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

from ocr_celery.decode import python_child
from ocr_celery.errors import ExportFailed, FormatNotAvailable, OcrError
from ocr_celery.export import bounded_program
from ocr_celery.export.contract import ExportJob
from ocr_celery.export.figures import FigureCutter
from ocr_celery.export.html import HtmlDocument

log = logging.getLogger(__name__)
_HEAP = "2g"  #: of pandoc: some 300 dense pages
_SECONDS = 300.0
_NO_HEAP, _NO_DATA_FILE = 251, 97  #: exit codes of pandoc
_QUALITY = 80  #: of JPEG
_MOST_FIGURES = 30_000_000  #: bytes of all figures; further ones are left out
_HEAD, _FOOT = '<!DOCTYPE html><html><head><meta charset="utf-8"></head><body>\n', "</body></html>\n"
_PICTURE_NAME = re.compile(rb' descr="data:[^"]*"')


def write_docx(job: ExportJob) -> Path:
    """Write it. Raises `FormatNotAvailable` where pandoc is missing or too old, `ExportFailed` where it fails."""
    pandoc = shutil.which("pandoc")
    if pandoc is None:
        raise FormatNotAvailable("pandoc, which makes docx, is missing on the exporter: apt-get install pandoc")
    source, made, target = (job.folder / name for name in ("result.html", "made.docx", "result.docx"))
    with source.open("w", encoding="utf-8", errors="replace") as file:
        for piece in _Html(job).pieces():
            file.write(piece)
    end = time.monotonic() + _SECONDS
    status, said = _run(job, [pandoc, *_options(source, made), "--sandbox"], end)
    if status == _NO_DATA_FILE:  # of Debian: in its sandbox it does not find its own files
        status, said = _run(job, [pandoc, *_options(source, made)], end)
    if status:
        raise _error(status, said)
    _shorten_names(made, target)
    return target


def _options(source: Path, target: Path) -> list[str]:
    return ["+RTS", f"-M{_HEAP}", "-RTS", "--from=html-raw_html", "--to=docx", f"--output={target}", str(source)]


def _error(status: int, said: str) -> OcrError:
    log.warning("pandoc failed: %d, %s", status, said)
    if status == _NO_HEAP:
        return ExportFailed(f"The result is too long for docx: pandoc would need more than {_HEAP} of memory.")
    if "--sandbox" in said:
        return FormatNotAvailable("The exporter's pandoc, which makes docx, is too old; 2.15 or newer is needed.")
    return ExportFailed()


class _Html:
    """The HTML of a result, with the figures in it."""

    def __init__(self, job: ExportJob) -> None:
        self._job = job
        self._writer = HtmlDocument(job.head, self._find)
        self._cutter = FigureCutter(job, quality=_QUALITY, most_bytes=_MOST_FIGURES, report=_log_left_out)
        self._figures: dict[int, bytes] = {}  # of the page that is written, as JPEG, by the index of their block

    def pieces(self) -> Iterator[str]:
        yield _HEAD
        for page in self._job.pages():
            self._figures = dict(self._cutter.cut(page))
            yield self._writer.add(page)
        yield _FOOT

    def _find(self, page: int, index: int) -> str:  # noqa: ARG002  (it is the page that is written)
        figure = self._figures.get(index)
        return f"data:image/jpeg;base64,{base64.b64encode(figure).decode()}" if figure else ""


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


def _shorten_names(made: Path, target: Path) -> None:
    """Copy the file without the names that pandoc gives to pictures: the whole address, which is the picture again."""
    with ZipFile(made) as old, ZipFile(target, "w", ZIP_DEFLATED) as new:
        for entry in old.infolist():
            data = old.read(entry)
            new.writestr(entry, _PICTURE_NAME.sub(b' descr=""', data) if entry.filename.endswith(".xml") else data)
