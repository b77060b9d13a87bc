"""Finds the tables whose cells stand below each other, with nothing but paper between their columns."""

from collections.abc import Sequence

from ocr_celery.engine.rapid.geometry import Line, bounds
from ocr_celery.engine.rapid.table_evidence import is_table
from ocr_celery.engine.rapid.tables import Table, interval_index


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
            column = interval_index(borders, line.x if len(row) > 1 else min(line.x, line.left + 2 * line_height))
            crowded += texts[column] != ""
            texts[column] = f"{texts[column]} {line.text}".strip()
    if crowded > 0.3 * sum(map(len, multi_cell_rows)):
        return None  # several texts in one cell: a form
    if not is_table(cells, ruled=False):
        return None
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
