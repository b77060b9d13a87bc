"""A job of the exporter whose pages and file are given."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image

from ocr_celery.core.placed_line import PlacedLine, as_json
from ocr_celery.core.result_formats import ResultHead
from ocr_celery.core.result_page import ResultPage
from ocr_celery.decode import document, image
from ocr_celery.errors import OcrError
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


def line_result(width: int, height: int, *lines: PlacedLine) -> dict[str, Any]:
    """The result of a page whose lines the engine knows."""
    text = "\n".join(line.text for line in lines)
    return {"text": text, "width": width, "height": height, "verdict": "ok", "lines": as_json(lines)}


def block_result(width: int, height: int, raw: str) -> dict[str, Any]:
    """The result of a page of whose text only the blocks are known."""
    return {"text": raw, "width": width, "height": height, "verdict": "ok"}
