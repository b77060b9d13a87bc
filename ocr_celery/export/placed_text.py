"""The lines of one page as the process that places them hands them to the one that writes them into a PDF."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from ocr_celery.core.placed_line import PlacedLine


@dataclass(frozen=True, slots=True)
class PlacedPage:
    """The lines of a page, in reading order."""

    number: int  #: in the file, from 1
    width: int  #: pixels of the upright page; 0 where there are no lines
    height: int
    lines: Sequence[PlacedLine] = ()

    def to_json(self) -> str:
        """On one line."""
        return json.dumps([self.number, self.width, self.height, self.lines])

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The page of which `to_json` made this."""
        number, width, height, lines = json.loads(text)
        return cls(number, width, height, [PlacedLine(*line) for line in lines])
