"""Divides a page at a gutter that is spanned here and there: what spans it from top to bottom, and the columns between."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from ocr_celery.engine.rapid.column_evidence import are_columns
from ocr_celery.engine.rapid.geometry import Area
from ocr_celery.engine.rapid.gutters import Gutter

_FREE = 0.8  #: line heights between a caption and the columns on both sides of it
_SHORT_BAND = 9  #: areas; too few to be judged by themselves, such a band is as the others are
_SPANNING = 0.7  #: line heights that an area reaches over a gutter's middle on both sides, if it spans it


def split_into_bands(areas: list[Area], gutter: Gutter, line_height: float) -> tuple[int, list[list[Area]]]:
    """The page in bands from top to bottom: what spans the gutter, and the columns between.

    With the number of areas on the smaller sides of these columns.
    """
    floats, others = _floats(areas, gutter.x, line_height)
    bands = _bands(others, gutter.x, _SPANNING * line_height)
    free = [a for band, spans in bands if not spans for a in band]
    everywhere = are_columns(*_sides(free, gutter.x), line_height, gutter.width)
    size, found, rest = 0, list[list[Area]](), list[Area]()
    for band, spans in bands:
        sides = _sides(band, gutter.x)
        short = everywhere and len(band) < _SHORT_BAND and min(map(len, sides)) > 0 and not spans
        if short or (not spans and are_columns(*sides, line_height, gutter.width)):
            inside = [a for a in floats if min(b.top for b in band) < a.y < max(b.bottom for b in band)]
            floats = [a for a in floats if a not in inside]
            found += [part for part in (rest, *sides, inside) if part]
            size += min(map(len, sides))
            rest = []
        else:
            rest = [*rest, *band]  # read row by row with what is above it
    rest = [*rest, *floats]
    return size, found + ([rest] if rest else [])


def _floats(areas: Sequence[Area], x: float, line_height: float) -> tuple[list[Area], list[Area]]:
    """What stands in the gutter at x with text at a distance on both sides, as a caption does; and all other areas."""
    reach = _SPANNING * line_height
    left, right = map(_ByHeight, _sides([a for a in areas if not _spans(a, x, reach)], x))
    floats, others = list[Area](), list[Area]()
    for area in areas:
        before = [a.right for a in left.beside(area)] if _spans(area, x, reach) else []
        after = [a.left for a in right.beside(area)] if before else []
        free = after and min(area.left - max(before), min(after) - area.right) >= _FREE * line_height
        (floats if free else others).append(area)
    return floats, others


class _ByHeight:
    """Areas sorted by height, so that those beside another one are found without a look at all of them."""

    def __init__(self, areas: Sequence[Area]) -> None:
        self._areas = sorted(areas, key=lambda a: a.y)
        self._heights = [a.y for a in self._areas]
        self._reach = max((a.height for a in areas), default=0.0) / 2

    def beside(self, area: Area) -> list[Area]:
        """Those whose height the area shares."""
        first = bisect_left(self._heights, area.top - self._reach)
        end = bisect_right(self._heights, area.bottom + self._reach)
        return [a for a in self._areas[first:end] if is_beside(a, area)]


def is_beside(area: Area, other: Area) -> bool:
    overlap = min(area.bottom, other.bottom) - max(area.top, other.top)
    return overlap > 0.35 * min(area.height, other.height)


def _spans(area: Area, x: float, reach: float) -> bool:
    return area.left < x - reach and area.right > x + reach


def _sides(areas: Sequence[Area], x: float) -> tuple[list[Area], list[Area]]:
    return [a for a in areas if a.x < x], [a for a in areas if a.x >= x]


def _bands(areas: Sequence[Area], x: float, reach: float) -> list[tuple[list[Area], bool]]:
    """Runs of areas from top to bottom that all span x, or all do not; with whether they do."""
    found: list[tuple[list[Area], bool]] = []
    for area in sorted(areas, key=lambda a: a.y):
        spans = _spans(area, x, reach)
        if not found or found[-1][1] != spans:
            found.append(([], spans))
        found[-1][0].append(area)
    return found
