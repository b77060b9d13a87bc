"""Splits a page into groups in reading order by a recursive XY-cut along the gutters between columns.

A gutter need not run through: see `column_bands`.
"""

from bisect import bisect_left
from collections.abc import Sequence
from functools import partial

from ocr_celery.engine.rapid.column_bands import is_beside, split_into_bands
from ocr_celery.engine.rapid.column_evidence import Side, are_columns, level_share
from ocr_celery.engine.rapid.geometry import Area, Line, Rect, bounds
from ocr_celery.engine.rapid.gutters import row_gap_gutters, through_gutters
from ocr_celery.engine.rapid.wording import is_figure

_MAX_DEPTH = 40  #: of nested cuts
_MAX_ROW_GAPS = 16  #: tried at one level, the widest first
_MIN_AREAS = 6  #: of anything in columns
_MIN_FREED = 3  #: areas on the smaller side of the columns that a horizontal cut frees


def xy_cut(areas: Sequence[Area], line_height: float, rules: Sequence[Rect]) -> list[list[Area]]:
    """Groups of areas in reading order, each to be read row by row. Every area is in one group.

    `line_height` is the median height of the lines, `rules` are vertical ruling lines; in pixels.
    """
    return _cut_recursively(list(areas), line_height, rules, 0)


def _cut_recursively(areas: list[Area], line_height: float, rules: Sequence[Rect], depth: int) -> list[list[Area]]:
    if len(areas) < 2 or depth == _MAX_DEPTH:
        return [areas] if areas else []
    parts = _split(areas, line_height, rules)
    if len(parts) < 2:
        return [areas]
    return [group for part in parts for group in _cut_recursively(part, line_height, rules, depth + 1)]


def _split(areas: list[Area], line_height: float, rules: Sequence[Rect]) -> list[list[Area]]:
    """The parts in reading order; [] where the areas are read row by row.

    A line that spans a gutter parts what is above it from what is below; it is ignored only where no such cut frees columns.
    """
    if len(areas) < _MIN_AREAS:
        return []
    for ignore_spans in (False, True):
        parts = _split_columns(areas, line_height, rules, ignore_spans=ignore_spans)
        if parts:
            return parts
        gutters = [] if ignore_spans else row_gap_gutters(areas, line_height)
        choices = [split_into_bands(areas, gutter, line_height) for gutter in gutters]
        choices.append(_split_at_row_gap(areas, line_height, rules, ignore_spans=ignore_spans))
        freed, parts = max(choices, key=lambda choice: choice[0])
        if freed >= _MIN_FREED:
            return parts
    return []


# -- a horizontal cut -----------------------------------------------------------------------------------------------------


def _split_at_row_gap(
    areas: list[Area], line_height: float, rules: Sequence[Rect], *, ignore_spans: bool
) -> tuple[int, list[list[Area]]]:
    """The parts above and below the row gap for which the largest columns can be split next.

    With the number of areas on the smaller side of these.
    """
    best: tuple[int, list[list[Area]]] = 0, []
    for y in _row_gaps(areas, line_height):
        parts = [[a for a in areas if a.y < y], [a for a in areas if a.y >= y]]
        freed = [_split_columns(part, line_height, rules, ignore_spans=ignore_spans) for part in parts]
        size = max((min(map(len, columns[:2])) for columns in freed if columns), default=0)
        if size > best[0]:
            best = size, parts
    return best


def _row_gaps(areas: Sequence[Area], line_height: float) -> list[float]:
    """The middles of the empty horizontal bands, the widest first, but not those within a table's figures."""
    gaps, end = [], float("-inf")
    # a margin, as boxes of neighbouring lines overlap a little
    for top, bottom in sorted((a.top + 0.2 * a.height, a.bottom - 0.2 * a.height) for a in areas):
        if end < top:
            gaps.append((top - end, (top + end) / 2))
        end = max(end, bottom)
    figures = sorted(a.y for a in areas if isinstance(a, Line) and is_figure(a.text))
    reach = 2 * line_height
    outside = [gap for gap in gaps[1:] if not _is_within_figures(figures, gap[1], reach)]
    return [middle for _, middle in sorted(outside, reverse=True)[:_MAX_ROW_GAPS]]


def _is_within_figures(heights: Sequence[float], y: float, reach: float) -> bool:
    """Whether several figures stand close above y, and several close below."""
    at = bisect_left(heights, y)
    above, below = at - bisect_left(heights, y - reach), bisect_left(heights, y + reach) - at
    return min(above, below) >= 2


# -- a gutter that runs through --------------------------------------------------------------------------------------------


def _split_columns(
    areas: list[Area], line_height: float, rules: Sequence[Rect], *, ignore_spans: bool
) -> list[list[Area]]:
    """Left column, right column and a caption between them, if any; [] where there are no columns."""
    if len(areas) < _MIN_AREAS:
        return []
    parts = _split_at_rule(areas, line_height, rules)
    if parts:
        return parts
    # a few boxes may cross the gutter: by a mistake of the detector, or as a caption between columns
    for share, split in (
        (0.04, partial(_split_by_center, ignore_spans=ignore_spans)),
        (0.1, partial(_split_around_caption, line_height=line_height)),
    ):
        max_crossing = int(share * len(areas)) if len(areas) >= 20 else 0
        for gutter in through_gutters(areas, line_height, max_crossing)[:4]:
            crossing = [a for a in areas if a.left < gutter.left and a.right > gutter.right]
            parts = split(areas, crossing, gutter.x)
            if parts and are_columns(parts[0], parts[1], line_height, gutter.width):
                return parts
    return []


def _split_by_center(
    areas: Sequence[Area], crossing: Sequence[Area], x: float, *, ignore_spans: bool
) -> list[list[Area]]:
    """The parts left and right of x; [] where a heading, caption or figure spans both: cut at a row gap first."""
    left, _, right, _ = bounds(areas)
    sides = [[a for a in areas if a.x < x], [a for a in areas if a.x >= x]]
    spans = any(a.width > 0.6 * (right - left) or (not ignore_spans and _is_span(a, sides)) for a in crossing)
    return [] if spans else sides


def _is_span(area: Area, sides: Sequence[Sequence[Area]]) -> bool:
    """Whether one side has nothing else at the height of an area that crosses the gutter.

    A line of one column that reaches too far has its neighbour beside it.
    """
    return any(not any(is_beside(a, area) for a in side if a is not area) for side in sides)


def _split_around_caption(
    areas: Sequence[Area], crossing: Sequence[Area], x: float, *, line_height: float
) -> list[list[Area]]:
    """Both columns and the caption between them; [] unless it has text at a distance on both sides."""
    rest = [a for a in areas if a not in crossing]
    sides = [[a for a in rest if a.x < x], [a for a in rest if a.x >= x]]
    for area in crossing:
        near = [[a for a in side if a.top < area.bottom and a.bottom > area.top] for side in sides]
        if not (near[0] and near[1]):
            return []
        if (
            area.left - max(a.right for a in near[0]) < 0.8 * line_height
            or min(a.left for a in near[1]) - area.right < 0.8 * line_height
        ):
            return []
    return [*sides, list(crossing)] if crossing else []


def _split_at_rule(areas: Sequence[Area], line_height: float, rules: Sequence[Rect]) -> list[list[Area]]:
    """The parts left and right of a rule that runs along most of the height, perhaps in several pieces."""
    _, top, _, bottom = bounds(areas)
    for rule in rules:
        x = (rule[0] + rule[2]) / 2
        pieces = [w for w in rules if abs((w[0] + w[2]) / 2 - x) <= 4]
        length = sum(max(0.0, min(bottom, w[3]) - max(top, w[1])) for w in pieces)
        if length < 0.6 * (bottom - top) or any(a.left < x - 4 and a.right > x + 4 for a in areas):
            continue
        parts = [[a for a in areas if a.x < x], [a for a in areas if a.x >= x]]
        if (
            min(map(len, parts)) >= 3
            and any(Side(part).has_long_rows for part in parts)
            and level_share(parts[0], parts[1], 0.3 * line_height) < 0.7
        ):
            return parts
    return []
