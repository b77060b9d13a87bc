"""Lines of text with their positions, and how lines relate: slant and rows."""

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from ocr_celery.core.line_joining import is_cjk

Point = tuple[float, float]
Rect = tuple[float, float, float, float]  #: left, top, right, bottom in pixels


@dataclass(frozen=True)
class Area:
    """A rectangle on the page, in pixels."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        return self.right - self.left

    @property
    def height(self) -> float:
        return self.bottom - self.top

    @property
    def x(self) -> float:
        """The middle between left and right."""
        return (self.left + self.right) / 2

    @property
    def y(self) -> float:
        """The middle between top and bottom."""
        return (self.top + self.bottom) / 2


@dataclass(frozen=True)
class Line(Area):
    """One line of text and its position."""

    text: str


A = TypeVar("A", bound=Area)
_TALL = 2.2  #: times as high as wide


def runs_down(width: float, height: float) -> bool:
    """Whether text in a box of this size runs from top to bottom."""
    return height > _TALL * width


def is_vertical_line(line: Line) -> bool:
    """Whether a line is CJK text that runs from top to bottom."""
    return runs_down(line.width, line.height) and any(map(is_cjk, line.text))


def estimate_slant(quads: Iterable[Sequence[Point]]) -> float:
    """The median angle of a page's lines in radians; 0 where fewer than five lines are long enough.

    `quads` are boxes of four corners, from the upper left, clockwise.
    """
    angles = [
        (math.atan2(q[1][1] - q[0][1], q[1][0] - q[0][0]), q[1][0] - q[0][0])
        for q in quads
        if q[1][0] - q[0][0] > 5 * abs(q[3][1] - q[0][1])
    ]
    return statistics.median(a for a, _ in angles) if len(angles) >= 5 else 0.0


def deskew(quad: Sequence[Point], text: str, angle: float = 0.0) -> Line:
    """The line in a box of four corners (from the upper left, clockwise), with the page's slant removed.

    `angle` is the slant in radians.
    """
    cos, sin = math.cos(angle), math.sin(angle)
    corners = [(x * cos + y * sin, y * cos - x * sin) for x, y in quad]
    (x1, y1), (x2, y2), (x3, y3), (x4, y4) = corners
    # the middles of the edges: the corners of a slightly rotated box reach into its neighbours
    left, right, top, bottom = (x1 + x4) / 2, (x2 + x3) / 2, (y1 + y2) / 2, (y3 + y4) / 2
    return Line(min(left, right), min(top, bottom), max(left, right), max(top, bottom), text)


def median_line_height(lines: Iterable[Line]) -> float:
    """The median height of the lines in pixels, at least 1."""
    return max(1.0, statistics.median(min(li.height, li.width) for li in lines))


def bounds(areas: Iterable[Area]) -> Rect:
    """The rectangle around all areas. Raises `ValueError` if there are none."""
    found = list(areas)
    return (
        min(a.left for a in found),
        min(a.top for a in found),
        max(a.right for a in found),
        max(a.bottom for a in found),
    )


def group_rows(areas: Iterable[A]) -> list[list[A]]:
    """The areas as rows from top to bottom, each from left to right. Areas side by side share a row."""
    found: list[_Row[A]] = []
    for area in sorted(areas, key=lambda a: a.y):
        # the row that fits need not be the last one: rows begin before the row above them is complete
        home = next((row for row in reversed(found[-3:]) if row.takes(area)), None)
        if home is None:
            found.append(_Row(area))
        else:
            home.add(area)
    return [sorted(row.areas, key=lambda a: a.left) for row in found]


class _Row(Generic[A]):
    """Areas side by side, with what is asked of them again and again."""

    __slots__ = ("areas", "lowest", "total_y")

    def __init__(self, area: A) -> None:
        self.areas = [area]
        self.total_y, self.lowest = area.y, area.height

    def add(self, area: A) -> None:
        self.areas.append(area)
        self.total_y += area.y
        self.lowest = min(self.lowest, area.height)

    def takes(self, area: A) -> bool:
        """Whether the area is at the height of these, and beside all of them."""
        if abs(self.total_y / len(self.areas) - area.y) >= 0.5 * min(self.lowest, area.height):
            return False
        left, right, width = area.left, area.right, area.width
        return all(min(a.right, right) - max(a.left, left) < 0.3 * min(a.right - a.left, width) for a in self.areas)
