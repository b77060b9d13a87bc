"""The format `zip`: markdown and HTML with their figures, and the blocks as JSON.

The same result makes the same bytes. Every name in it is ours, so that nothing can be unpacked outside its folder. Pictures go
into the archive as they are cut, texts through files, so that memory is that of a page.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TextIO
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

from ocr_celery.core.document import page_mark
from ocr_celery.core.result_formats import FORMATS, ResultHead, ResultWriter
from ocr_celery.core.result_page import ResultPage
from ocr_celery.export.contract import ExportJob
from ocr_celery.export.figures import FigureCutter
from ocr_celery.export.html import FindPicture, HtmlDocument

_QUALITY = 85  #: of JPEG
_MARKDOWN, _HTML, _JSON, _PROBLEMS = "result.md", "result.html", "result.json", "images/missing.txt"
_MOST_BYTES = 1 << 30  #: of all figures; further ones are left out
_PIECE = 1024 * 1024  #: bytes


def write_zip(job: ExportJob) -> Path:
    """Write it. A figure whose page cannot be shown is left out, and named in a file. Raises what `job` raises of the whole."""
    target = job.folder / "result.zip"
    with ZipFile(target, "w", ZIP_DEFLATED, allowZip64=True) as archive:
        _Writer(job, archive).write()
    return target


class _Writer:
    """Writes one archive."""

    def __init__(self, job: ExportJob, archive: ZipFile) -> None:
        self._job, self._archive = job, archive
        self._problems: list[str] = []
        self._names: dict[int, str] = {}  # of the page that is written: index of a block → name of its figure
        self._figures = FigureCutter(job, quality=_QUALITY, most_bytes=_MOST_BYTES, report=self._problems.append)

    def write(self) -> None:
        texts = {name: self._job.folder / name for name in (_MARKDOWN, _HTML, _JSON)}
        with _opened(texts[_MARKDOWN]) as markdown, _opened(texts[_HTML]) as html, _opened(texts[_JSON]) as json:
            writers: list[tuple[TextIO, ResultWriter]] = [
                (markdown, _MarkdownWithFigures(self._job.head, self._find)),
                (html, HtmlDocument(self._job.head, self._find)),
                (json, FORMATS["json"].writer(self._job.head)),
            ]
            self._write_pages(writers)
        for name, path in texts.items():
            self._add_file(name, path)
        if self._problems:
            self._archive.writestr(_entry(_PROBLEMS), "\n".join(self._problems) + "\n")

    def _write_pages(self, writers: Sequence[tuple[TextIO, ResultWriter]]) -> None:
        for file, writer in writers:
            file.write(writer.begin())
        for page in self._job.pages():
            self._names = self._add_figures(page)
            for file, writer in writers:
                file.write(writer.add(page))
        for file, writer in writers:
            file.write(writer.end())

    def _find(self, page: int, index: int) -> str:  # noqa: ARG002  (it is the page that is written)
        """The name of the figure of a block on the page that is written; "" where it has none."""
        return self._names.get(index, "")

    def _add_figures(self, page: ResultPage) -> dict[int, str]:
        """Put the figures of a page into the archive, and return their names."""
        names: dict[int, str] = {}
        for number, (index, figure) in enumerate(self._figures.cut(page), start=1):
            names[index] = f"images/{page.number}_{number}.jpg"
            self._archive.writestr(_entry(names[index], ZIP_STORED), figure)
        return names

    def _add_file(self, name: str, path: Path) -> None:
        with path.open("rb") as source, self._archive.open(_entry(name), "w", force_zip64=True) as entry:
            while piece := source.read(_PIECE):
                entry.write(piece)


def _opened(path: Path) -> TextIO:
    return path.open("w", encoding="utf-8", errors="replace")  # half a surrogate pair is no text


def _entry(name: str, compression: int = ZIP_DEFLATED) -> ZipInfo:
    """An entry without a time and an owner: the same result makes the same file."""
    entry = ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    entry.compress_type, entry.create_system, entry.external_attr = compression, 3, 0o644 << 16
    return entry


class _MarkdownWithFigures:
    """As the format `md`, with a link in front of the text of each block that is shown as a picture."""

    def __init__(self, head: ResultHead, find_picture: FindPicture) -> None:
        self._is_document, self._find_picture = head.is_document, find_picture
        self._gap = ""

    def begin(self) -> str:
        return ""

    def add(self, page: ResultPage) -> str:
        gap, self._gap = self._gap, "\n\n"
        if page.missing:
            return gap + page_mark(page.number, page.missing)
        mark = f"{page_mark(page.number)}\n\n" if self._is_document else ""
        return gap + mark + "\n\n".join(filter(None, self._parts(page)))

    def end(self) -> str:
        return "\n"

    def _parts(self, page: ResultPage) -> Iterator[str]:
        for index, block in enumerate(page.blocks()):
            name = self._find_picture(page.number, index)
            if name:
                yield f"![{block.label}]({name})"
            yield block.markdown
