"""Where a page has a table, and which text stands in which cell."""

from collections.abc import Sequence
from dataclasses import dataclass

from ocr_celery.engine.rapid.geometry import Area, Line, Rect, bounds, joined, rows

_TOUCH = 6.0  #: pixels between drawn lines that meet


@dataclass(frozen=True)
class Table(Area):
    """A table: rows of cells, all rows of the same length; an empty cell is an empty text."""

    cells: list[list[str]]


# -- drawn tables --------------------------------------------------------------------------------------------------------


def drawn(lines: Sequence[Line], across: Sequence[Rect], down: Sequence[Rect]) -> tuple[list[Table], list[Line]]:
    """The tables whose cells are framed by drawn lines, and the lines of text that are in none."""
    found, rest = [], list(lines)
    for frame in _frames(list(across), list(down)):
        xs = _borders([r for r in frame if r in down], 0)
        ys = _borders([r for r in frame if r in across], 1)
        if len(xs) < 3 or len(ys) < 3:
            continue
        inside = [li for li in rest if xs[0] < li.x < xs[-1] and ys[0] < li.y < ys[-1]]
        places = _places(inside, xs, ys)
        if _is_grid(places, xs):
            used = sorted({row for row, _ in places})
            cells = [[_text(places.get((row, column), [])) for column in range(len(xs) - 1)] for row in used]
            found.append(Table(xs[0], ys[0], xs[-1], ys[-1], cells))
            rest = [li for li in rest if li not in inside]
    return found, rest


def _frames(across: list[Rect], down: list[Rect]) -> list[list[Rect]]:
    """Drawn lines that touch one another, as groups."""
    groups: list[list[Rect]] = []
    for rule in across + down:
        touching = [g for g in groups if any(_touch(rule, other) for other in g)]
        groups = [g for g in groups if g not in touching] + [[rule, *(r for g in touching for r in g)]]
    return groups


def _touch(a: Rect, b: Rect) -> bool:
    return a[0] - _TOUCH <= b[2] and b[0] - _TOUCH <= a[2] and a[1] - _TOUCH <= b[3] and b[1] - _TOUCH <= a[3]


def _borders(rules: Sequence[Rect], axis: int) -> list[float]:
    """The coordinates on `axis` (0 = x) at which rules run along at least half of the group."""
    if not rules:
        return []
    other = 1 - axis
    extent = max(r[other + 2] for r in rules) - min(r[other] for r in rules)
    places: list[list[Rect]] = []
    for rule in sorted(rules, key=lambda r: r[axis]):
        if places and rule[axis] - places[-1][-1][axis] <= _TOUCH:
            places[-1].append(rule)
        else:
            places.append([rule])
    long = [p for p in places if sum(r[other + 2] - r[other] for r in p) >= 0.5 * extent]
    return [sum(r[axis] + r[axis + 2] for r in p) / len(p) / 2 for p in long]


def _places(lines: Sequence[Line], xs: Sequence[float], ys: Sequence[float]) -> dict[tuple[int, int], list[Line]]:
    """Which lines stand in which (row, column)."""
    places: dict[tuple[int, int], list[Line]] = {}
    for line in lines:
        # text over several columns belongs to the first of them
        column = _between(xs, min(line.x, line.left + 2 * line.height))
        places.setdefault((_between(ys, line.y), column), []).append(line)
    return places


def _is_grid(places: dict[tuple[int, int], list[Line]], xs: Sequence[float]) -> bool:
    """Whether several rows and columns have text, and hardly any runs over borders or is itself in columns, as in a form."""
    lines = [li for cell in places.values() for li in cell]
    over = sum(any(li.left + 0.2 * li.width < x < li.right - 0.2 * li.width for x in xs) for li in lines)
    inner = sum(len(cell) for cell in places.values() if sum(len(row) > 1 for row in rows(cell)) > 1)
    several = len({row for row, _ in places}) > 1 and len({column for _, column in places}) > 1
    return several and over <= 0.15 * len(lines) and inner <= 0.15 * len(lines)


def _between(borders: Sequence[float], value: float) -> int:
    return max(0, sum(value >= b for b in borders[:-1]) - 1)


def _text(cell: Sequence[Line]) -> str:
    text = ""
    for row in rows(cell):
        for line in row:
            text = joined(text, line.text)
    return text


# -- tables without lines ------------------------------------------------------------------------------------------------


def aligned(table: Sequence[Sequence[Line]], unit: float) -> Table | None:
    """The rows of one table whose cells stand in columns with an empty band between them; None if they do not."""
    many = [row for row in table if len(row) > 1]
    if len(many) < 2 or len(many) + max(map(len, many)) < 5:
        return None
    gaps = _gaps(many, unit)
    if not gaps:
        return None
    left, _, right, _ = bounds(li for row in table for li in row)
    borders = [left, *gaps, right]
    cells = [["" for _ in borders[1:]] for _ in table]
    crowded = 0
    for texts, row in zip(cells, table, strict=True):
        for line in row:
            column = _between(borders, line.x if len(row) > 1 else min(line.x, line.left + 2 * unit))
            crowded += texts[column] != ""
            texts[column] = f"{texts[column]} {line.text}".strip()
    if crowded > 0.3 * sum(map(len, many)):
        return None  # the bands part something else, as in a form
    return Table(*bounds(li for row in table for li in row), cells)


def _gaps(table: Sequence[Sequence[Line]], unit: float) -> list[float]:
    """The middles of the bands that run down between the cells; a heading over several columns may cross them."""
    most = len(table) // 4
    events = sorted(e for row in table for li in row for e in ((li.left, 1), (li.right, -1)))
    found, covered, start = [], 0, None
    for x, change in events:
        before, covered = covered, covered + change
        if before > most >= covered:
            start = x
        elif before <= most < covered and start is not None and x - start >= 0.3 * unit:
            found.append((start + x) / 2)
    return found
