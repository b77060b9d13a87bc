"""Tables of any shape become grids with rows of equal length, in which each text stands once, where its cell begins."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocr_celery.core.table_cells import Cell, Table, split_tables
from ocr_celery.core.table_grid import MAX_COLUMNS, heading_rows, is_number, table_grid

SPANS = st.one_of(st.integers(1, 4), st.sampled_from([99, 999]))
CELLS = st.builds(Cell, st.sampled_from(["a", "b c", "7", ""]), st.booleans(), SPANS, SPANS)
TABLES = st.builds(Table, st.lists(st.lists(CELLS, min_size=1, max_size=6), max_size=6))


def only(html: str) -> Table:
    (table,) = (part for part in split_tables(html) if isinstance(part, Table))
    return table


def test_a_cell_that_spans_fields_has_its_text_in_the_first() -> None:
    table = only(
        '<table><tr><td rowspan="2">Item</td><td colspan="2">Year</td></tr><tr><td>2023</td><td>2024</td></tr>'
        "<tr><td>Sales<br>&amp; rent</td><td>1</td><td><b>2</b></td></tr></table>"
    )
    assert table_grid(table) == [["Item", "Year", ""], ["", "2023", "2024"], ["Sales & rent", "1", "2"]]


def test_rows_that_are_too_short_are_filled_up_and_spans_beyond_every_row_are_cut() -> None:
    table = only('<table><tr><td colspan="900">Title</td></tr><tr><td>a</td><td></td><td>c</td></tr><tr><td>d</table>')
    assert table_grid(table) == [["Title", "", ""], ["a", "", "c"], ["d", "", ""]]


@given(TABLES)
def test_every_text_is_there_once_and_in_order(table: Table) -> None:
    grid = table_grid(table)
    assert len(grid) == len(table.rows)
    assert len({len(row) for row in grid}) <= 1
    for row, texts in zip(table.rows, grid, strict=True):
        assert [text for text in texts if text] == [cell.text for cell in row if cell.text]


@given(TABLES)
def test_no_row_is_wider_than_there_are_cells(table: Table) -> None:
    cells = sum(map(len, table.rows))
    assert all(len(row) <= cells for row in table_grid(table))


def test_no_text_is_lost_beyond_the_last_column() -> None:
    (row,) = table_grid(Table([[Cell(str(number)) for number in range(MAX_COLUMNS + 2)]]))
    assert len(row) == MAX_COLUMNS
    assert row[-1] == f"{MAX_COLUMNS - 1} {MAX_COLUMNS} {MAX_COLUMNS + 1}"


def test_spans_of_a_hostile_table_cost_little() -> None:
    row = [Cell("", rows=999, columns=999)] * 20
    grid = table_grid(Table([row, *[[Cell("a")]] * 998]))
    assert {len(texts) for texts in grid} == {21}


@pytest.mark.parametrize(
    ("rows", "headings"),
    [
        ("<tr><th>a</th></tr><tr><th>b</th></tr><tr><td>1</td></tr>", 2),
        ("<tr><td>a</td></tr><tr><td>1</td></tr>", 1),
        ("<tr><th>a</th><td>b</td></tr><tr><th>c</th><td>1</td></tr>", 1),
        ("<tr><th>a</th></tr>", 1),
    ],
)
def test_headings_are_rows_of_heading_cells_else_the_first_row(rows: str, headings: int) -> None:
    assert heading_rows(only(f"<table>{rows}</table>")) == headings


@pytest.mark.parametrize("text", ["0", "7", "1234", "-12.5", "+3", "0.50", "123456789012345"])
def test_what_is_plainly_a_number_is_one(text: str) -> None:
    assert is_number(text)


@pytest.mark.parametrize(
    "text",
    ["", "007", "1,234.50", "1.234,5", "5 %", "1e5", ".5", "5.", "--1", "1 000", "٣", "1/2", "1234567890123456", "1\n", "−5"],
)  # fmt: skip
def test_what_would_lose_something_as_a_number_is_a_text(text: str) -> None:
    assert not is_number(text)
