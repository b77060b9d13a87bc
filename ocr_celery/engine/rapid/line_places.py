"""Says where each recognised line is on the page as it was given, in the order in which the page is read."""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence

from ocr_celery.core.placed_line import DOWNWARDS, RIGHTWARDS, PlacedLine
from ocr_celery.engine.rapid.geometry import Line, Point, Rect, group_rows, is_vertical_line, runs_down

_LEVEL = 0.003  #: radians; less is not worth a slant
_LONG = 5.0  #: times as long as thick: long enough for a slant of its own
_MARGIN = 2.0  #: pixels that a line's middle may lie outside of its part


def reading_sequence(lines: Sequence[Line], rects: Iterable[Rect]) -> Iterator[int]:
    """The indices of the lines by the parts of the page, whose rectangles these are, and within each from row to row."""
    order = sorted(range(len(lines)), key=lambda index: lines[index].y)
    heights = [lines[index].y for index in order]
    left = dict(enumerate(lines))
    for rect in rects:
        first, end = bisect_left(heights, rect[1] - _MARGIN), bisect_right(heights, rect[3] + _MARGIN)
        inside = {n: left.pop(n) for n in sorted(order[first:end]) if n in left and _is_within(lines[n], rect)}
        yield from _by_rows(inside)
    yield from _by_rows(left)


def place_line(quad: Sequence[Point], text: str, page_slant: float, size: tuple[int, int], turns: int) -> PlacedLine:
    """The line in a box of four corners (from the upper left, clockwise) of a page that was turned upright.

    `page_slant`: radians, of lines too short to tell; `size`: width and height of the turned page in pixels; `turns`: the quarter
    turns to the left that made it upright.
    """
    (x1, y1), (x2, y2), (x3, y3), (x4, y4) = quad
    x, y = (x1 + x2 + x3 + x4) / 4, (y1 + y2 + y3 + y4) / 4
    along = (x2 + x3 - x1 - x4) / 2, (y2 + y3 - y1 - y4) / 2
    down = (x3 + x4 - x1 - x2) / 2, (y3 + y4 - y1 - y2) / 2
    width, height = math.hypot(*along), math.hypot(*down)
    is_column = runs_down(width, height) and len(text.strip()) > 1  # it was turned to be read
    slant = math.atan2(-down[0], down[1]) if is_column else math.atan2(along[1], along[0])
    if max(width, height) < _LONG * min(width, height):
        slant = page_slant
    for _ in range(turns):
        x, y, width, height, size = size[1] - y, x, height, width, (size[1], size[0])
    return PlacedLine(
        x - width / 2,
        y - height / 2,
        x + width / 2,
        y + height / 2,
        text.strip(),
        ((DOWNWARDS if is_column else RIGHTWARDS) + turns) % 4,
        slant if abs(slant) > _LEVEL else 0.0,
    )


def _is_within(line: Line, rect: Rect) -> bool:
    """Whether the line's middle is between the left and the right of its part."""
    return rect[0] - _MARGIN <= line.x <= rect[2] + _MARGIN


def _by_rows(lines: dict[int, Line]) -> Iterator[int]:
    index_of = {id(line): index for index, line in lines.items()}
    columns = [line for line in lines.values() if is_vertical_line(line)]
    if 2 * len(columns) > len(lines):
        ordered = sorted(lines.values(), key=lambda line: (-line.right, line.top))
    else:
        ordered = [line for row in group_rows(lines.values()) for line in row]
    yield from (index_of[id(line)] for line in ordered)
