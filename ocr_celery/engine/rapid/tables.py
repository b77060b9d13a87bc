"""Finds the tables of a page and assigns lines of text to their cells."""

from collections.abc import Sequence
from dataclasses import dataclass

from ocr_celery.core.line_joining import join_lines
from ocr_celery.engine.rapid.geometry import Area, Line, Rect, bounds, group_rows

_TOUCH_DISTANCE = 6.0  #: pixels; ruling lines closer than this meet


@dataclass(frozen=True)
class Table(Area):
    """A table: rows of texts, all of the same length; an empty cell is an empty text."""

    cells: list[list[str]]


# -- ruled tables --------------------------------------------------------------------------------------------------------


def find_ruled_tables(
    lines: Sequence[Line], horizontal: Sequence[Rect], vertical: Sequence[Rect]
) -> tuple[list[Table], list[Line]]:
    """The tables whose cells are framed by ruling lines, and the lines of text outside of them."""
    found, rest = [], list(lines)
    for frame in _connected_rules(list(horizontal), list(vertical)):
        xs = _cell_borders([r for r in frame if r in vertical], 0)
        ys = _cell_borders([r for r in frame if r in horizontal], 1)
        if len(xs) < 3 or len(ys) < 3:
            continue
        framed = [li for li in rest if xs[0] < li.x < xs[-1] and ys[0] < li.y < ys[-1]]
        assigned = _assign_cells(framed, xs, ys)
        if _is_grid(assigned, xs):
            used = sorted({row for row, _ in assigned})
            cells = [[_cell_text(assigned.get((row, column), [])) for column in range(len(xs) - 1)] for row in used]
            found.append(Table(xs[0], ys[0], xs[-1], ys[-1], cells))
            rest = [li for li in rest if li not in framed]
    return found, rest


def _connected_rules(horizontal: list[Rect], vertical: list[Rect]) -> list[list[Rect]]:
    """The ruling lines in groups of connected ones."""
    groups: list[list[Rect]] = []
    for rule in horizontal + vertical:
        touching = [g for g in groups if any(_touches(rule, other) for other in g)]
        groups = [g for g in groups if g not in touching] + [[rule, *(r for g in touching for r in g)]]
    return groups


def _touches(a: Rect, b: Rect) -> bool:
    return all(a[n] - _TOUCH_DISTANCE <= b[n + 2] and b[n] - _TOUCH_DISTANCE <= a[n + 2] for n in (0, 1))


def _cell_borders(rules: Sequence[Rect], axis: int) -> list[float]:
    """The coordinates on `axis` (0 = x, 1 = y) at which rules run along at least half of the group."""
    if not rules:
        return []
    other = 1 - axis
    extent = max(r[other + 2] for r in rules) - min(r[other] for r in rules)
    positions: list[list[Rect]] = []
    for rule in sorted(rules, key=lambda r: r[axis]):
        if positions and rule[axis] - positions[-1][-1][axis] <= _TOUCH_DISTANCE:
            positions[-1].append(rule)
        else:
            positions.append([rule])
    long = [p for p in positions if sum(r[other + 2] - r[other] for r in p) >= 0.5 * extent]
    return [sum(r[axis] + r[axis + 2] for r in p) / len(p) / 2 for p in long]


def _assign_cells(lines: Sequence[Line], xs: Sequence[float], ys: Sequence[float]) -> dict[tuple[int, int], list[Line]]:
    """The lines of each (row, column)."""
    assigned: dict[tuple[int, int], list[Line]] = {}
    for line in lines:
        # text across several columns belongs to the first
        column = _interval_index(xs, min(line.x, line.left + 2 * line.height))
        assigned.setdefault((_interval_index(ys, line.y), column), []).append(line)
    return assigned


def _is_grid(assigned: dict[tuple[int, int], list[Line]], xs: Sequence[float]) -> bool:
    """Whether the cells are those of a table rather than of a form.

    Several rows and columns have text; few lines cross a border, and few cells hold columns themselves.
    """
    lines = [li for cell in assigned.values() for li in cell]
    over = sum(any(li.left + 0.2 * li.width < x < li.right - 0.2 * li.width for x in xs) for li in lines)
    inner = sum(len(cell) for cell in assigned.values() if sum(len(row) > 1 for row in group_rows(cell)) > 1)
    several = len({row for row, _ in assigned}) > 1 and len({column for _, column in assigned}) > 1
    return several and over <= 0.15 * len(lines) and inner <= 0.15 * len(lines)


def _interval_index(borders: Sequence[float], value: float) -> int:
    return max(0, sum(value >= b for b in borders[:-1]) - 1)


def _cell_text(cell: Sequence[Line]) -> str:
    text = ""
    for row in group_rows(cell):
        for line in row:
            text = join_lines(text, line.text)
    return text


# -- tables without ruling lines ------------------------------------------------------------------------------------------------


def detect_aligned_table(table: Sequence[Sequence[Line]], line_height: float) -> Table | None:
    """The table that these rows make if empty vertical bands separate their cells; None if they do not."""
    multi_cell_rows = [row for row in table if len(row) > 1]
    if len(multi_cell_rows) < 2 or len(multi_cell_rows) + max(map(len, multi_cell_rows)) < 5:
        return None
    gaps = _column_gaps(multi_cell_rows, line_height)
    if not gaps:
        return None
    left, _, right, _ = bounds(li for row in table for li in row)
    borders = [left, *gaps, right]
    cells = [["" for _ in borders[1:]] for _ in table]
    crowded = 0
    for texts, row in zip(cells, table, strict=True):
        for line in row:
            column = _interval_index(borders, line.x if len(row) > 1 else min(line.x, line.left + 2 * line_height))
            crowded += texts[column] != ""
            texts[column] = f"{texts[column]} {line.text}".strip()
    if crowded > 0.3 * sum(map(len, multi_cell_rows)):
        return None  # several texts in one cell: a form
    return Table(*bounds(li for row in table for li in row), cells)


def _column_gaps(table: Sequence[Sequence[Line]], line_height: float) -> list[float]:
    """The middles of the empty vertical bands; a heading over several columns may cross them."""
    max_crossing = len(table) // 4
    events = sorted(e for row in table for li in row for e in ((li.left, 1), (li.right, -1)))
    found, covered, start = [], 0, None
    for x, change in events:
        before, covered = covered, covered + change
        if before > max_crossing >= covered:
            start = x
        elif before <= max_crossing < covered and start is not None and x - start >= 0.3 * line_height:
            found.append((start + x) / 2)
    return found
