"""Finds the tables whose cells ruling lines frame, and assigns lines of text to their cells."""

from collections.abc import Iterator, Mapping, Sequence

from ocr_celery.core.line_joining import join_lines
from ocr_celery.engine.rapid.geometry import Line, Rect, group_rows
from ocr_celery.engine.rapid.table_evidence import is_table
from ocr_celery.engine.rapid.tables import Table, interval_index

_TOUCH_DISTANCE = 6.0  #: pixels; ruling lines closer than this meet
_MIN_OPEN_COLUMN = 20.0  #: pixels; horizontal rules that reach farther than vertical ones by less do so by mistake
_MIN_ROWS_OF_BAND = 5  #: fewer may be the lines of a wrapped head


def find_ruled_tables(
    lines: Sequence[Line], horizontal: Sequence[Rect], vertical: Sequence[Rect]
) -> tuple[list[Table], list[Line]]:
    """The tables whose cells are framed by ruling lines, and the lines of text outside of them."""
    found, rest = [], list(lines)
    for across, down in _connected_rules(horizontal, vertical):
        xs, ys = _column_borders(across, down), _cell_borders(across, 1)
        if len(xs) < 3 or len(ys) < 3:
            continue
        framed = [li for li in rest if xs[0] < li.x < xs[-1] and ys[0] < li.y < ys[-1]]
        assigned = _assign_cells(framed, xs, ys)
        if not _is_grid(assigned, xs):
            continue
        cells = [[_cell_text(cell) for cell in row] for row in _table_rows(assigned, len(xs) - 1)]
        if is_table(cells, ruled=True):
            found.append(Table(xs[0], ys[0], xs[-1], ys[-1], cells))
            taken = set(map(id, framed))
            rest = [li for li in rest if id(li) not in taken]
    return found, rest


def _column_borders(across: Sequence[Rect], down: Sequence[Rect]) -> list[float]:
    """Where vertical rules run, and where the table is open at a side, the end of its horizontal rules."""
    xs = _cell_borders(down, 0)
    if len(xs) < 2 or not across:
        return xs
    ends = min(r[0] for r in across), max(r[2] for r in across)
    return [
        *([ends[0]] if ends[0] < xs[0] - _MIN_OPEN_COLUMN else []),
        *xs,
        *([ends[1]] if ends[1] > xs[-1] + _MIN_OPEN_COLUMN else []),
    ]


def _table_rows(assigned: Mapping[tuple[int, int], list[Line]], columns: int) -> Iterator[list[list[Line]]]:
    """The rows of cells that have text, from top to bottom."""
    for number in sorted({row for row, _ in assigned}):
        yield from _split_band([assigned.get((number, column), []) for column in range(columns)])


def _split_band(band: list[list[Line]]) -> list[list[list[Line]]]:
    """The rows of cells between two horizontal rules: often several, where only the head of a table is ruled.

    They are several where most rows of text have a line in most columns; the lines of one wrapped cell stand alone.
    """
    filled = [cell for cell in band if cell]
    rows = group_rows(line for cell in filled for line in cell)
    column = {id(line): number for number, cell in enumerate(band) for line in cell}
    complete = sum(len({column[id(line)] for line in row}) >= 0.6 * len(filled) for row in rows)
    if len(filled) < 2 or len(rows) < _MIN_ROWS_OF_BAND or complete < 0.75 * len(rows):
        return [band]
    return [[[line for line in row if column[id(line)] == number] for number in range(len(band))] for row in rows]


def _connected_rules(horizontal: Sequence[Rect], vertical: Sequence[Rect]) -> list[tuple[list[Rect], list[Rect]]]:
    """The horizontal and vertical ruling lines in groups of connected ones."""
    groups: list[list[tuple[bool, Rect]]] = []
    for rule in [*((True, r) for r in horizontal), *((False, r) for r in vertical)]:
        touching = [g for g in groups if any(_touches(rule[1], other) for _, other in g)]
        groups = [g for g in groups if g not in touching] + [[rule, *(r for g in touching for r in g)]]
    return [([r for across, r in g if across], [r for across, r in g if not across]) for g in groups]


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
        column = interval_index(xs, min(line.x, line.left + 2 * line.height))
        assigned.setdefault((interval_index(ys, line.y), column), []).append(line)
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


def _cell_text(cell: Sequence[Line]) -> str:
    text = ""
    for row in group_rows(cell):
        for line in row:
            text = join_lines(text, line.text)
    return text
