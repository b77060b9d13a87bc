"""Cuts the boxes that the detector drew through a gutter, before they are read: no order of lines could mend them.

A box is cut only where the rows around it show a gutter and the paper in the box is blank there, wider than between two
words. So a heading over both columns stays whole.
"""

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ocr_celery.engine.rapid.geometry import Area, group_rows
from ocr_celery.engine.rapid.gutters import BOX_MARGIN
from ocr_celery.engine.rapid.orientation import Boxes, Image

# in line heights
_MAX_GUTTER = 4.0
_MIN_BLANK = 0.45
_MIN_PIECE = 8.0  #: width of what is cut off, and of the lines that show a gutter half of it
_NEIGHBOURHOOD = 8.0
_SEARCH = 1.5  #: from the gutter's middle to both sides
_MAX_OFFSET = 0.6  #: of the blank strip's middle from the gutter's
_MAX_HEIGHT = 1.6  #: a higher box holds larger letters or several lines

_MIN_ROWS = 4  #: that show a gutter anywhere on the page …
_MIN_ROWS_NEAR = 2  #: … and near the box
_MAX_GUTTERS = 6
_MIN_CONTRAST = 40  #: levels of grey between paper and ink


class _Seen(NamedTuple):
    """A gap between two boxes of one row, in pixels."""

    left: float
    right: float
    y: float


def cut_merged_lines(image: Image, boxes: Boxes) -> Boxes:
    """The boxes of an upright page (float32, (number, 4, 2)), those that run through a gutter as two or more, side by side."""
    quads = boxes.reshape(-1, 4, 2)
    if len(quads) < 2 * _MIN_ROWS:
        return boxes
    areas = [Area(*quad.min(axis=0).tolist(), *quad.max(axis=0).tolist()) for quad in quads]
    line_height = max(1.0, float(np.median([area.height for area in areas])))
    gutters = _seen_gutters(areas, line_height)
    pieces = []
    for quad, area in zip(quads, areas, strict=True):
        pieces += _cut(quad, _cuts(image, area, gutters, line_height))
    return np.asarray(pieces, np.float32)


def _seen_gutters(areas: Sequence[Area], line_height: float) -> list[tuple[float, list[float]]]:
    """The middles of gutters that several rows show between two long lines, and the heights of these rows."""
    margin, long = BOX_MARGIN * line_height, _MIN_PIECE / 2 * line_height
    gaps = [
        _Seen(one.right - margin, other.left + margin, (one.y + other.y) / 2)
        for row in group_rows(areas)
        for one, other in itertools.pairwise(row)
        if 0 < other.left - one.right + 2 * margin < _MAX_GUTTER * line_height and min(one.width, other.width) > long
    ]
    middles = sorted({round((gap.left + gap.right) / 2) for gap in gaps})
    showing = {x: [gap.y for gap in gaps if gap.left < x < gap.right] for x in middles}
    kept: list[int] = []
    for x in sorted(middles, key=lambda x: -len(showing[x])):
        if len(showing[x]) >= _MIN_ROWS and all(abs(x - other) > 2 * line_height for other in kept):
            kept.append(x)
    return [(x, showing[x]) for x in kept[:_MAX_GUTTERS]]


def _cuts(image: Image, area: Area, gutters: Sequence[tuple[float, list[float]]], line_height: float) -> list[float]:
    """Where a box is to be cut, from left to right."""
    cuts: list[float] = []
    if area.height > _MAX_HEIGHT * line_height:
        return cuts
    for x, rows in sorted(gutters):
        near = sum(abs(y - area.y) < _NEIGHBOURHOOD * line_height for y in rows)
        begin = cuts[-1] if cuts else area.left
        if near < _MIN_ROWS_NEAR or min(x - begin, area.right - x) < _MIN_PIECE * line_height:
            continue
        blank = _blank_middle(image, area, x, line_height)
        if blank is not None and abs(blank - x) <= _MAX_OFFSET * line_height:
            cuts.append(blank)
    return cuts


def _blank_middle(image: Image, area: Area, x: float, line_height: float) -> float | None:
    """The middle of the widest blank strip of a box near x; None where there is none wide enough."""
    inset = 0.15 * area.height
    top, bottom = max(0, int(area.top + inset)), int(area.bottom - inset)
    line = image[top:bottom, max(0, int(area.left)) : int(area.right)].min(axis=2)
    if not line.size:
        return None
    paper, ink = np.percentile(line, 90), np.percentile(line, 2)
    first = max(0, int(x - _SEARCH * line_height) - max(0, int(area.left)))
    near = line[:, first : int(x + _SEARCH * line_height) - max(0, int(area.left))]
    if paper - ink < _MIN_CONTRAST or not near.size:
        return None
    blank = near.min(axis=0) > (paper + ink) / 2
    edges = np.flatnonzero(np.diff(np.concatenate([[False], blank, [False]]).astype(np.int8)))
    begins, ends = edges[::2], edges[1::2]
    if not len(begins):
        return None
    widest = int(np.argmax(ends - begins))
    if ends[widest] - begins[widest] < _MIN_BLANK * area.height:
        return None
    return float(max(0, int(area.left)) + first + (begins[widest] + ends[widest]) / 2)


def _cut(quad: Boxes, cuts: Sequence[float]) -> list[Boxes]:
    """The pieces of a box of four corners, from left to right."""
    pieces = []
    for x in cuts:
        upper, lower = _at(quad[0], quad[1], x), _at(quad[3], quad[2], x)
        pieces.append(np.stack([quad[0], upper, lower, quad[3]]))
        quad = np.stack([upper, quad[1], quad[2], lower])
    return [*pieces, quad]


def _at(begin: Boxes, end: Boxes, x: float) -> Boxes:
    """The point at x on the line through two corners."""
    share = (x - begin[0]) / max(1.0, float(end[0] - begin[0]))
    return np.asarray([x, begin[1] + share * (end[1] - begin[1])], np.float32)
