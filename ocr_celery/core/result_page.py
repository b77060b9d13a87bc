"""What became of one page, as those see it who write results: its text, its blocks, or why it has none."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from ocr_celery.core.blocks import PageBlock, page_blocks
from ocr_celery.core.markdown import to_markdown
from ocr_celery.core.placed_line import PlacedLine, from_json
from ocr_celery.errors import OcrError

PENDING = "pending"  #: what is said of a page that is not final


@dataclass(frozen=True, slots=True)
class ResultPage:
    """What became of one page: its result dict, why it failed, or None while it is not final."""

    number: int  #: from 1
    result: Mapping[str, Any] | OcrError | None
    changed: tuple[PageBlock, ...] | None = None  #: its blocks, where they are not those that its text makes

    @classmethod
    def alone(cls, result: Mapping[str, Any] | None) -> Self:
        """The page that a task has read by itself, with its number in the file where the result names one."""
        number = (result or {}).get("page")
        return cls(number if type(number) is int and number > 0 else 1, result)

    @property
    def missing(self) -> str:
        """Why it has no text: a code; "" where it has one."""
        if isinstance(self.result, OcrError):
            return self.result.code
        return PENDING if self.result is None else ""

    @property
    def raw(self) -> str:
        """The text as the engine wrote it; "" where it has none."""
        return str(self.result["text"]) if isinstance(self.result, Mapping) else ""

    @property
    def markdown(self) -> str:
        """Its text as clean markdown; "" where it has none."""
        if self.changed is None:
            return to_markdown(self.raw)
        return "\n\n".join(block.markdown for block in self.changed if block.markdown)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels of the upright page; (0, 0) where they are not known."""
        found = self.result if isinstance(self.result, Mapping) else {}
        width, height = found.get("width"), found.get("height")
        return (width, height) if type(width) is int and type(height) is int else (0, 0)

    def lines(self) -> list[PlacedLine]:
        """Its lines with their places, in pixels of the upright page, in reading order; [] where the engine knows none."""
        found = self.result if isinstance(self.result, Mapping) else {}
        return list(from_json(found.get("lines")))

    def blocks(self) -> list[PageBlock]:
        """Its blocks in reading order."""
        if self.changed is not None:
            return list(self.changed)
        width, height = self.size
        return page_blocks(self.raw, width=width, height=height)
