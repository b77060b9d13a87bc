"""Which rows of cells are a table, and what looks like one and is none."""

import pytest

from ocr_celery.engine.rapid.table_evidence import is_table

PROSE = [
    "a sentence of many words that",
    "goes on in the line below and",
    "further down the column until",
    "it ends here.",
]


def cells(page: str) -> list[list[str]]:
    """Rows of texts between bars."""
    return [[text.strip() for text in row.split("|")] for row in page.strip().splitlines()]


def test_names_and_figures_are_a_table() -> None:
    assert is_table(cells("apples | 1.20\npears | 2.50\nplums | 3"), ruled=False)


def test_three_full_columns_of_words_are_a_table() -> None:
    assert is_table(cells("name | town | street\nJane | Ulm | Hill\nJoe | Bonn | Dale"), ruled=False)


def test_dates_beside_amounts_are_a_table_and_so_are_dates_in_one_of_three_columns() -> None:
    assert is_table(cells("09/01/2015 | 12.00\n10/01/2015 | 13.50\n11/01/2015 | 12.00"), ruled=False)
    assert is_table(cells("loan | 01.09.2015 | Ulm\nrent | 02.09.2015 |\nfees | 03.09.2015 | Bonn"), ruled=False)
    assert is_table(cells("Named insured | Jane Doe\nEffective date | 09/01/2015"), ruled=True)


def test_figures_may_have_empty_cells_beside_them() -> None:
    page = "     | 2023 | 2024\nassets | |\ncash | 12 | 14\ndebts | 3 |\n| 15 | 14"
    assert is_table(cells(page), ruled=False)


@pytest.mark.parametrize(
    "page",
    [
        "Author: | Jane Doe\nEditor: | Joe Li\nPrinter: | A. Smith",  # names and what they name
        "Named insured | Jane Doe\nEffective date | 09/01/2015 09:52 AM EDT\nExpiration date | 03/02/2016 12:01 AM EST",
        "投保人 | 王小明\n生效日期 | 2015年9月1日\n到期日期 | 2016-03-02",
        "Jane | University of Ulm | |\n| | Bonn |\n| Hill | | Dale",  # the labels of a drawing
        "Abstract . . | 3\nForeword . | 5\nNotation | 7\nIndex . . . | 91",  # contents
        "1 | the first line of a speech\n2 | and a second one\n3 | 12.5\n4 | 13.5",  # numbered lines
        "w = exp | a | b | (1)\n | c | d |",  # a formula
        "one | two",
    ],
)
def test_what_looks_like_a_table_and_is_none(page: str) -> None:
    assert not is_table(cells(page), ruled=False)


def test_prose_in_two_columns_is_no_table_even_between_rules() -> None:
    page = [list(pair) for pair in zip(PROSE, PROSE, strict=True)]
    assert not is_table(page, ruled=False)
    assert not is_table(page, ruled=True)


def test_descriptions_in_one_column_are_part_of_a_table() -> None:
    page = [list(row) for row in zip(["1", "2", "3", "4"], PROSE, ["1.50", "2.50", "3.50", "4.50"], strict=True)]
    assert is_table(page, ruled=False)


def test_rules_make_a_table_of_few_words() -> None:
    assert is_table(cells("Author: | Jane Doe\nEditor: | Joe Li"), ruled=True)


def test_rows_without_cells_are_no_table() -> None:
    assert not is_table([], ruled=False)
