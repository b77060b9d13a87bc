"""Which lines of text are the cells of a table, by the columns they stand in."""

from ocr_celery.engine.rapid.aligned_tables import detect_aligned_table
from ocr_celery.engine.rapid.geometry import group_rows
from ocr_celery.engine.rapid.tables import Table
from tests.testlib.drawn_page import HEIGHT, drawn


def table(page: str) -> list[list[str]] | None:
    """What a drawn page is as a table without lines."""
    found = detect_aligned_table(group_rows(drawn(page)), HEIGHT)
    return found.cells if found else None


def test_rows_whose_cells_stand_in_columns_are_a_table() -> None:
    page = """
name      age    town
Jane      42     Springfield
Joe       7      Shelbyville
"""
    assert table(page) == [["name", "age", "town"], ["Jane", "42", "Springfield"], ["Joe", "7", "Shelbyville"]]


def test_a_table_encloses_its_lines() -> None:
    found = detect_aligned_table(group_rows(drawn("a      1\nc      22\ne      3")), HEIGHT)
    assert found == Table(0, 0, 90, 68, [["a", "1"], ["c", "22"], ["e", "3"]])


def test_a_missing_cell_is_empty_and_a_cell_goes_on_in_the_next_row() -> None:
    page = """
item      price
apples    1.20
          a kilo
pears     2.50
"""
    assert table(page) == [["item", "price"], ["apples", "1.20"], ["", "a kilo"], ["pears", "2.50"]]


def test_two_rows_of_two_cells_are_too_few_for_a_table() -> None:
    assert table("name:    Jane\nage:     42") is None
    assert table("name:    Jane") is None


def test_two_rows_of_three_cells_are_a_table() -> None:
    assert table("a     b     c\nd     e     f") == [["a", "b", "c"], ["d", "e", "f"]]


def test_rows_without_an_empty_band_between_them_are_no_table() -> None:
    page = """
a       bbbbbbbbbbbb
cccccccccc      d
ee          f
"""
    assert table(page) is None


def test_a_heading_over_several_columns_belongs_to_the_first() -> None:
    page = """
the price of all the fruit
apples    1.20
pears     2.50
plums     3.10
grapes    4.00
"""
    found = table(page)
    assert found is not None
    assert found[0] == ["the price of all the fruit", ""]


def test_several_texts_in_one_column_make_a_form_not_a_table() -> None:
    page = """
name  Jane       x
age   42         x
town  Ulm        x
"""
    assert table(page) == [["name", "Jane", "x"], ["age", "42", "x"], ["town", "Ulm", "x"]]
    crowded = """
n  Jane Doe Smith    x
namely  Joe          x
n    Li Li           x
name of  her         x
"""
    assert table(crowded) is None
