"""A line of text and its place on a page, as an engine may know it besides the text: what a searchable PDF needs."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple, Self

#: how a line reads, in quarter turns clockwise from left to right
RIGHTWARDS, DOWNWARDS, LEFTWARDS, UPWARDS = range(4)
_MAX_PIXELS = 1 << 24  #: no page is as wide or high


class PlacedLine(NamedTuple):
    """One line of text and the rectangle that its characters fill."""

    left: float  #: pixels, of the rectangle before it is slanted
    top: float
    right: float
    bottom: float
    text: str  #: without markup
    #: how it reads: RIGHTWARDS, DOWNWARDS (also columns of Chinese), LEFTWARDS (upside down), UPWARDS
    turns: int = RIGHTWARDS
    slant: float = 0.0  #: radians clockwise, about the middle of the rectangle

    def scaled(self, across: float, down: float) -> Self:
        """On a page that is so many times as wide and as high."""
        left, top, right, bottom = self.left * across, self.top * down, self.right * across, self.bottom * down
        return self._replace(left=left, top=top, right=right, bottom=bottom)

    def within(self, width: float, height: float) -> Self:
        """Moved and cut so that it lies on a page of this size, and is at least a pixel wide and high."""
        left, right = _within(self.left, self.right, width)
        top, bottom = _within(self.top, self.bottom, height)
        return self._replace(left=left, top=top, right=right, bottom=bottom)


def as_json(lines: Iterable[PlacedLine]) -> list[list[Any]]:
    """The lines as results hold them, in whole pixels."""
    return [[*map(round, line[:4]), line.text, line.turns, round(line.slant, 4)] for line in lines]


def from_json(found: Any) -> Iterator[PlacedLine]:
    """The lines that a result holds; anything else in it, which another program may have written, is left out."""
    for each in found if isinstance(found, Sequence) and not isinstance(found, str) else ():
        if isinstance(each, Sequence) and len(each) == len(PlacedLine._fields):
            line = PlacedLine(*each)
            if _is_valid(line):
                yield line


def _is_valid(line: PlacedLine) -> bool:
    numbers: tuple[Any, ...] = (*line[:4], line.slant)
    if not all(isinstance(number, int | float) and abs(number) < _MAX_PIXELS for number in numbers):
        return False
    return isinstance(line.text, str) and type(line.turns) is int and line.turns in range(4)


def _within(low: float, high: float, size: float) -> tuple[float, float]:
    low, high = min(low, high), max(low, high)
    low = min(max(low, 0.0), max(size - 1.0, 0.0))
    return low, max(min(high, float(size)), low + 1.0)
