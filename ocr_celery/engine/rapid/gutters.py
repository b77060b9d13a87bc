"""Finds the vertical bands that may be gutters: by what no line reaches into, and by the gaps within rows."""

import itertools
from collections.abc import Sequence
from typing import NamedTuple

from ocr_celery.engine.rapid.geometry import Area, group_rows

#: line heights; the detector draws boxes of text about this much too large on each side
BOX_MARGIN = 0.4
_MIN_ROWS_WITH_GAP = 3
_MAX_ROW_GAP_GUTTERS = 8


class Gutter(NamedTuple):
    """A vertical band between two sides of text, in pixels."""

    left: float
    right: float

    @property
    def x(self) -> float:
        """Its middle."""
        return (self.left + self.right) / 2

    @property
    def width(self) -> float:
        return self.right - self.left


def through_gutters(areas: Sequence[Area], line_height: float, max_crossing: int) -> list[Gutter]:
    """The bands that at most `max_crossing` areas reach into over the whole height, the widest first."""
    events = []
    for area in areas:
        margin = 0.15 * line_height if area.width > line_height else 0.0
        events += [(area.left + margin, 1), (area.right - margin, -1)]
    found, covered, start = [], 0, None
    for x, change in sorted(events):
        before, covered = covered, covered + change
        if before > max_crossing >= covered:
            start = x
        elif before <= max_crossing < covered and start is not None:
            found.append(Gutter(start, x))
    min_width = (0.6 if max_crossing else 0.8) * line_height
    return sorted((g for g in found if g.width >= min_width), key=lambda g: -g.width)


def row_gap_gutters(areas: Sequence[Area], line_height: float) -> list[Gutter]:
    """The places at which several rows have a gap, whatever runs over them in other rows; those of most rows first.

    Each is as wide as the gap that all of these rows share.
    """
    margin = BOX_MARGIN * line_height
    events = []
    for row in group_rows(areas):
        for one, other in itertools.pairwise(row):
            if other.left + margin > one.right - margin:
                events += [(one.right - margin, 1), (other.left + margin, -1)]
    candidates, rows, start = [], 0, 0.0
    for x, change in sorted(events):
        if change < 0 and rows >= _MIN_ROWS_WITH_GAP and x > start:
            candidates.append((rows, Gutter(start + margin, x - margin)))
        rows += change
        start = x
    kept: list[Gutter] = []
    for _, gutter in sorted(candidates, reverse=True):
        if all(abs(gutter.x - other.x) > line_height for other in kept):
            kept.append(gutter)
    return kept[:_MAX_ROW_GAP_GUTTERS]
