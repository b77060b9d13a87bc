"""Jobs of the exporter whose pages, and file or pictures, are given."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image

from ocr_celery.core.placed_line import PlacedLine, as_json
from ocr_celery.core.result_formats import ResultHead
from ocr_celery.core.result_page import ResultPage
from ocr_celery.decode import document, image
from ocr_celery.errors import OcrError, Unreadable
from ocr_celery.export.contract import SourceKind


@dataclass
class GivenJob:
    """An export of these results of pages."""

    file: Path
    kind: SourceKind
    results: Sequence[Mapping[str, Any] | OcrError | None]
    folder: Path
    first: int = 1  #: the number of the first page
    password: str = ""
    max_pixels: int = 100_000_000
    source: str = ""
    head: ResultHead = None  # type: ignore[assignment]  # no format of a PDF has it
    options: Mapping[str, Any] = field(default_factory=dict)

    def check(self) -> None:
        """As `ExportJob`."""

    def note_alive(self) -> None:
        """As `ExportJob`."""

    def page(self, number: int) -> ResultPage:
        """As `ExportJob`."""
        return ResultPage(number, self.results[number - self.first])

    def pages(self) -> Iterator[ResultPage]:
        """As `ExportJob`."""
        return (ResultPage(number, result) for number, result in enumerate(self.results, self.first))

    def source_path(self) -> Path:
        """As `ExportJob`."""
        return self.file

    def picture(self, number: int) -> Image.Image:
        """As `ExportJob`."""
        sizes = {"max_pixels": self.max_pixels, "max_side": 2048}
        if self.kind == "image":
            return image.load(self.file.read_bytes(), **sizes).image
        return document.load_page(self.file, self.password, number, **sizes).image


class DrawnJob:
    """A job whose pictures are red where the pages have their figures, and half as large as the pages."""

    source, password, max_pixels = "report.pdf", "", 10**9
    checks = 0
    kind: SourceKind = "pdf"

    def __init__(
        self, folder: Path, *pages: ResultPage, unreadable: int = 0, error: OcrError | None = None, **options: Any
    ) -> None:
        self._error = error or Unreadable()
        self.folder, self._pages, self.options, self._unreadable = folder, pages, options, unreadable
        self.head = ResultHead("1d", "completed", is_document=len(pages) > 1, is_partial=False)
        folder.mkdir(exist_ok=True)

    def pages(self) -> Iterator[ResultPage]:
        """As `ExportJob`."""
        return iter(self._pages)

    def page(self, number: int) -> ResultPage:
        """As `ExportJob`."""
        return next(page for page in self._pages if page.number == number)

    def check(self) -> None:
        """As `ExportJob`."""
        self.checks += 1

    def picture(self, number: int) -> Image.Image:
        """As `ExportJob`."""
        if number == self._unreadable:
            raise self._error
        picture = Image.new("RGB", (500, 250), "white")
        picture.paste("red", (50, 50, 251, 201))
        return picture

    def source_path(self) -> Path:
        """As `ExportJob`."""
        raise AssertionError("no format of these opens the file")


def line_result(width: int, height: int, *lines: PlacedLine) -> dict[str, Any]:
    """The result of a page whose lines the engine knows."""
    text = "\n".join(line.text for line in lines)
    return {"text": text, "width": width, "height": height, "verdict": "ok", "lines": as_json(lines)}


def block_result(width: int, height: int, raw: str) -> dict[str, Any]:
    """The result of a page of whose text only the blocks are known."""
    return {"text": raw, "width": width, "height": height, "verdict": "ok"}


def block(label: str, text: str = "", box: str = "[[100, 200, 500, 800]]") -> str:
    """A block as the model writes it."""
    return f"<|ref|>{label}<|/ref|><|det|>{box}<|/det|>\n{text}\n\n"


def page(text: str, number: int = 1) -> ResultPage:
    """A page that was read, 1000 by 500 pixels."""
    return ResultPage(number, {"text": text, "width": 1000, "height": 500, "verdict": "ok"})
