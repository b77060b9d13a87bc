"""A table as a grid of plain texts with rows of equal length, as spreadsheets have it.

A cell that spans several fields has its text in the first of them; the others are empty. Columns that no cell begins in exist
only because cells span too many; they have no width where a table is shown, and are left out.
"""

import re
from collections.abc import Iterator, Sequence

from ocr_celery.core.table_cells import Cell, Table

Grid = list[list[str]]

MAX_COLUMNS = 16_384  #: as many as Excel has; the texts of further ones stand in the last
_NUMBER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?")
_EXACT_DIGITS = 15  #: what spreadsheets keep of a number


def table_grid(table: Table) -> Grid:
    """The texts of a table. Its first rows that are headings: `heading_rows`."""
    placed = [list(row) for row in _placed(table.rows)]
    starts = sorted({column for row in placed for column, _ in row})
    number = {column: min(index, MAX_COLUMNS - 1) for index, column in enumerate(starts)}
    width = min(len(starts), MAX_COLUMNS)
    return [_filled(width, ((number[column], cell.text) for column, cell in row)) for row in placed]


def heading_rows(table: Table) -> int:
    """How many rows at the top are headings: those of heading cells only; where there is no such row, the first one."""
    for index, row in enumerate(table.rows):
        if not all(cell.is_head for cell in row):
            return max(1, index)
    return len(table.rows)


def is_number(text: str) -> bool:
    """Whether a spreadsheet may take the text as a number and loses nothing: 7, -12.5, +3; not 007, 1,234, 5 %, 1e5."""
    return _NUMBER.fullmatch(text) is not None and len(re.sub("[^0-9]", "", text)) <= _EXACT_DIGITS


def _placed(rows: Sequence[Sequence[Cell]]) -> Iterator[Iterator[tuple[int, Cell]]]:
    """The cells of each row with the columns that they begin in, as HTML places them."""
    above: list[tuple[int, int, int]] = []  # what cells above cover: from column, up to column, rows left
    for row in rows:
        begun = list(_columns(row, above))
        yield iter(begun)
        left = [(start, end, count - 1) for start, end, count in above]
        left += [(column, column + cell.columns, cell.rows - 1) for column, cell in begun]
        above = sorted(span for span in left if span[2] > 0)


def _columns(row: Sequence[Cell], above: Sequence[tuple[int, int, int]]) -> Iterator[tuple[int, Cell]]:
    covered = iter(above)
    span = next(covered, None)
    column = 0
    for cell in row:
        while span is not None and span[0] <= column:
            column = max(column, span[1])
            span = next(covered, None)
        yield column, cell
        column += cell.columns


def _filled(width: int, texts: Iterator[tuple[int, str]]) -> list[str]:
    row = [""] * width
    for column, text in texts:
        row[column] = f"{row[column]} {text}".strip()
    return row
