"""Judges whether text on two sides of a gutter is read one side after the other, or row by row as in a table.

Prose fills its side, in words; cells are short, are figures, or stand beside a cell at the same height.
"""

import itertools
import statistics
from bisect import bisect_left
from collections.abc import Sequence
from functools import cached_property

from ocr_celery.engine.rapid.geometry import Area, Line, bounds, group_rows
from ocr_celery.engine.rapid.wording import continuing_share, is_figure, is_running_text

_MIN_LINES = 3  #: on each side
_MAX_WORD_GAP = 3.0  #: line heights; pieces further apart are no sentence together, but a label and its value
_MIN_PROSE_ROWS = 4
_MIN_FIGURE_ROWS = 3  #: on both sides of a gutter within a table
_NARROW = 0.8  #: line heights; in narrower gutters only two sides of prose are columns
_MIN_ROWS_BESIDE_NARROW = 6


class Side:
    """The text on one side of a gutter, in rows: a detector may cut a line of text into pieces."""

    def __init__(self, areas: Sequence[Area]) -> None:
        rows = group_rows([a for a in areas if isinstance(a, Line)])
        self.boxes = [Area(*bounds(row)) for row in rows]
        self.texts = [" ".join(line.text for line in row) for row in rows]
        self._sentences = [_sentences(row) for row in rows]
        #: the heights of the rows with an amount, a date or the like
        self.figure_heights = [
            box.y for box, row in zip(self.boxes, rows, strict=True) if any(is_figure(line.text) for line in row)
        ]

    @cached_property
    def is_prose(self) -> bool:
        """Whether there are several rows of words, most of which end where their neighbours end."""
        return (
            len(self.texts) >= _MIN_PROSE_ROWS
            and self.running_share >= 0.6
            and self.figure_share <= 0.3
            and self.fill_ratio >= 0.7
        )

    @cached_property
    def running_share(self) -> float:
        """The share of rows that are running text, or have such a part."""
        running = sum(any(map(is_running_text, sentences)) for sentences in self._sentences)
        return running / max(1, len(self.texts))

    @cached_property
    def figure_share(self) -> float:
        """The share of rows that are mostly digits."""
        return sum(map(is_figure, self.texts)) / max(1, len(self.texts))

    @cached_property
    def continuing_share(self) -> float:
        """The share of rows that the row above goes on in, by the wording; 0 in scripts without case."""
        return continuing_share(self.texts)

    @cached_property
    def fill_ratio(self) -> float:
        """The median of each row's width as a share of that of the two rows above and below it with it.

        So the column is measured where the row is: text may flow round a picture.
        """
        shares = []
        for index, box in enumerate(self.boxes):
            left, _, right, _ = bounds(self.boxes[max(0, index - 2) : index + 3])
            shares.append(box.width / max(1.0, right - left))
        return statistics.median(shares) if shares else 0.0

    @cached_property
    def has_long_rows(self) -> bool:
        """Whether most rows are much longer than high; so is a side without text."""
        shapes = [box.width / max(1.0, box.height) for box in self.boxes]
        return not shapes or statistics.median(shapes) >= 5


def are_columns(left: Sequence[Area], right: Sequence[Area], line_height: float, gutter: float) -> bool:
    """Whether these are columns of text, or text and a sidebar; not the columns of a table, or indented text.

    `line_height` is the median height of the page's lines, `gutter` the width between the sides; in pixels.
    """
    if min(len(left), len(right)) < _MIN_LINES or level_share(left, right, 2.0 * line_height) < 0.5:
        return False
    one, other = Side(left), Side(right)
    if _share_figure_rows(one, other, line_height):
        return False
    if one.is_prose and other.is_prose:
        return gutter >= _NARROW * line_height or min(len(one.texts), len(other.texts)) >= _MIN_ROWS_BESIDE_NARROW
    if one.is_prose or other.is_prose:
        prose, rest = (one, other) if one.is_prose else (other, one)
        return _is_beside_prose(prose, rest, line_height, gutter)
    level = level_share(left, right, 0.3 * line_height)
    figures = max(one.figure_share, other.figure_share)
    return (
        gutter >= _NARROW * line_height and level < 0.4 and figures < 0.3 and one.has_long_rows and other.has_long_rows
    )


def _is_beside_prose(prose: Side, rest: Side, line_height: float, gutter: float) -> bool:
    """Whether a side that is no prose stands beside prose as a column of its own.

    It does not where it holds the figures that the prose describes row by row.
    """
    flows = prose.continuing_share >= 0.3
    if gutter < _NARROW * line_height:
        few = min(len(prose.texts), len(rest.texts))
        return flows and rest.running_share >= 0.3 and few >= _MIN_ROWS_BESIDE_NARROW
    level = level_share(prose.boxes, rest.boxes, 0.3 * line_height)
    if flows or level < 0.4:
        return True
    return len(rest.figure_heights) < 0.3 * len(rest.boxes) and (level < 0.7 or rest.running_share >= 0.3)


def _sentences(row: Sequence[Line]) -> list[str]:
    """The texts of a row, those together that stand no further apart than words."""
    found = [row[0].text]
    for before, line in itertools.pairwise(row):
        if line.left - before.right > _MAX_WORD_GAP * min(before.height, line.height):
            found.append(line.text)
        else:
            found[-1] += f" {line.text}"
    return found


def _share_figure_rows(one: Side, other: Side, line_height: float) -> bool:
    """Whether rows of figures go on across the gutter, though there may be prose above or below them."""
    few, many = sorted((one, other), key=lambda side: len(side.figure_heights))
    shared = sum(_is_near(many.figure_heights, y, 0.3 * line_height) for y in few.figure_heights)
    return shared >= _MIN_FIGURE_ROWS and shared >= 0.25 * min(len(one.boxes), len(other.boxes))


def level_share(left: Sequence[Area], right: Sequence[Area], distance: float) -> float:
    """The share of the smaller side's areas that have one of the other side at their height, within `distance` pixels."""
    few, many = sorted((left, right), key=len)
    heights = sorted(a.y for a in many)
    return sum(_is_near(heights, a.y, distance) for a in few) / max(1, len(few))


def _is_near(heights: Sequence[float], y: float, distance: float) -> bool:
    at = bisect_left(heights, y)
    return any(abs(heights[n] - y) < distance for n in (at - 1, at) if 0 <= n < len(heights))
