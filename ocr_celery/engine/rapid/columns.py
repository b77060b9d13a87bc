"""Splits a page into groups in reading order by a recursive XY-cut along the gutters between columns."""

import statistics
from collections.abc import Sequence
from functools import partial

from ocr_celery.engine.rapid.geometry import Area, Line, Rect, bounds

_MAX_DEPTH = 40  #: of nested cuts
_MAX_GAPS = 60  #: row gaps tried at one level, the widest first


def xy_cut(areas: Sequence[Area], line_height: float, rules: Sequence[Rect]) -> list[list[Area]]:
    """Groups of areas in reading order, each to be read row by row. Every area is in one group.

    `line_height` is the median height of the lines, `rules` are vertical ruling lines; in pixels.
    """
    return _cut_recursively(list(areas), line_height, rules, 0)


def _cut_recursively(areas: list[Area], line_height: float, rules: Sequence[Rect], depth: int) -> list[list[Area]]:
    if len(areas) < 2 or depth == _MAX_DEPTH:
        return [areas] if areas else []
    parts = _split_columns(areas, line_height, rules) or _split_at_row_gap(areas, line_height, rules)
    if parts is None:
        return [areas]
    return [group for part in parts for group in _cut_recursively(part, line_height, rules, depth + 1)]


def _split_at_row_gap(areas: list[Area], line_height: float, rules: Sequence[Rect]) -> list[list[Area]] | None:
    """The parts above and below the row gap for which the largest columns can be split next."""
    best: tuple[int, list[list[Area]]] | None = None
    for y in _row_gaps(areas):
        parts = [[a for a in areas if a.y < y], [a for a in areas if a.y >= y]]
        freed = [_split_columns(part, line_height, rules) for part in parts]
        size = max((min(map(len, columns[:2])) for columns in freed if columns), default=0)
        if size > (best[0] if best else 0):
            best = size, parts
    return best[1] if best else None


def _row_gaps(areas: Sequence[Area]) -> list[float]:
    """The middles of the empty horizontal bands, the widest first."""
    gaps, end = [], float("-inf")
    # a margin, as boxes of neighbouring lines overlap a little
    for top, bottom in sorted((a.top + 0.2 * a.height, a.bottom - 0.2 * a.height) for a in areas):
        if end < top:
            gaps.append((top - end, (top + end) / 2))
        end = max(end, bottom)
    return [middle for _, middle in sorted(gaps[1:], reverse=True)[:_MAX_GAPS]]


def _split_columns(areas: list[Area], line_height: float, rules: Sequence[Rect]) -> list[list[Area]] | None:
    """Left column, right column and a caption between them, if any; None where there are no columns."""
    if len(areas) < 6:
        return None
    parts_at_rule = _split_at_rule(areas, line_height, rules)
    if parts_at_rule:
        return parts_at_rule
    # a few boxes may cross the gutter: by a mistake of the detector, or as a caption between columns
    for share, split in ((0.04, _split_by_center), (0.1, partial(_split_around_caption, line_height=line_height))):
        max_crossing = int(share * len(areas)) if len(areas) >= 20 else 0
        for left, right in _gutters(areas, line_height, max_crossing)[:4]:
            crossing = [a for a in areas if a.left < left and a.right > right]
            parts = split(areas, crossing, (left + right) / 2)
            if parts and _are_columns(parts[0], parts[1], line_height):
                return parts
    return None


def _gutters(areas: Sequence[Area], line_height: float, max_crossing: int) -> list[tuple[float, float]]:
    """The vertical bands that at most `max_crossing` areas reach into, as (left, right), the widest first."""
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
            found.append((start, x))
    min_width = (0.6 if max_crossing else 0.8) * line_height
    return sorted((g for g in found if g[1] - g[0] >= min_width), key=lambda g: g[0] - g[1])


def _split_by_center(areas: Sequence[Area], crossing: Sequence[Area], x: float) -> list[list[Area]] | None:
    left, _, right, _ = bounds(areas)
    if any(a.width > 0.6 * (right - left) for a in crossing):
        return None  # a heading or figure over both columns: cut at a row gap first
    return [[a for a in areas if a.x < x], [a for a in areas if a.x >= x]]


def _split_around_caption(
    areas: Sequence[Area], crossing: Sequence[Area], x: float, *, line_height: float
) -> list[list[Area]] | None:
    """Both columns and the caption between them; None unless it has text at a distance on both sides."""
    rest = [a for a in areas if a not in crossing]
    sides = [[a for a in rest if a.x < x], [a for a in rest if a.x >= x]]
    for area in crossing:
        near = [[a for a in side if a.top < area.bottom and a.bottom > area.top] for side in sides]
        if not (near[0] and near[1]):
            return None
        if (
            area.left - max(a.right for a in near[0]) < 0.8 * line_height
            or min(a.left for a in near[1]) - area.right < 0.8 * line_height
        ):
            return None
    return [*sides, list(crossing)] if crossing else None


def _split_at_rule(areas: Sequence[Area], line_height: float, rules: Sequence[Rect]) -> list[list[Area]] | None:
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
            and any(map(_has_long_lines, parts))
            and _row_alignment(parts[0], parts[1], line_height) < 0.7
        ):
            return parts
    return None


def _are_columns(left: Sequence[Area], right: Sequence[Area], line_height: float) -> bool:
    """Whether these are columns of text, or text and a sidebar; not table columns or indented text."""
    if min(len(left), len(right)) < 3 or _side_by_side_share(left, right, line_height) < 0.5:
        return False
    prose = _is_prose(left) or _is_prose(right)
    # table cells are aligned with those of the next column and are no prose
    return prose or (
        _row_alignment(left, right, line_height) < 0.4 and _has_long_lines(left) and _has_long_lines(right)
    )


def _row_alignment(left: Sequence[Area], right: Sequence[Area], line_height: float) -> float:
    """The share of the smaller side's lines that are on one line with a line of the other side."""
    return _share_with_neighbor(left, right, 0.3 * line_height)


def _side_by_side_share(left: Sequence[Area], right: Sequence[Area], line_height: float) -> float:
    """The share of the smaller side's lines that have text of the other side at about their height."""
    return _share_with_neighbor(left, right, 2.0 * line_height)


def _share_with_neighbor(left: Sequence[Area], right: Sequence[Area], distance: float) -> float:
    few, many = sorted((left, right), key=len)
    return sum(any(abs(a.y - b.y) < distance for b in many) for a in few) / len(few)


def _is_prose(areas: Sequence[Area]) -> bool:
    """Whether there are many long lines of words, most of which end where their neighbours end."""
    letters = [c.isalpha() for a in areas if isinstance(a, Line) for c in a.text if not c.isspace()]
    return (
        len(areas) >= 5 and _has_long_lines(areas) and _fill_ratio(areas) >= 0.85 and sum(letters) > 0.6 * len(letters)
    )


def _has_long_lines(areas: Sequence[Area]) -> bool:
    lines = [a.width / max(1.0, a.height) for a in areas if isinstance(a, Line)]
    return not lines or statistics.median(lines) >= 5


def _fill_ratio(areas: Sequence[Area]) -> float:
    """The median of each line's width divided by the width of the column at that line.

    The column is measured by the two lines above and below, as text may flow round a picture.
    """
    down = sorted(areas, key=lambda a: a.y)
    shares = []
    for index, area in enumerate(down):
        left, _, right, _ = bounds(down[max(0, index - 2) : index + 3])
        shares.append(area.width / max(1.0, right - left))
    return statistics.median(shares)
