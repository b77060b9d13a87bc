"""The tables of a result as CSV: whole, readable by programs, and without anything that a spreadsheet would run."""

import csv
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocr_celery.core.result_formats import ResultHead
from ocr_celery.core.result_page import ResultPage
from ocr_celery.core.table_csv import TablesAsCsv, without_formula
from ocr_celery.errors import NoSuchTable, NoTables, PageDeadline
from tests.testlib.mutated_answers import ANSWERS, PIECES

A, B = "<table><tr><td>Item</td><td>€</td></tr><tr><td>{}</td><td>7</td></tr></table>", "<table><td>x</td></table>"
TEXTS = st.lists(st.one_of(st.sampled_from(PIECES), st.sampled_from(ANSWERS), st.text(max_size=5)), max_size=8)


def written(*pages: Any, **wanted: Any) -> str:
    writer = TablesAsCsv(ResultHead("id", "completed", is_document=True, is_partial=False, **wanted))
    results = [{"text": page} if isinstance(page, str) else page for page in pages]
    added = [writer.add(ResultPage(number, result)) for number, result in enumerate(results, 1)]
    return "".join([writer.begin(), *added, writer.end()])


def test_one_table_is_plain_csv_in_utf_8_that_excel_knows() -> None:
    assert written(A.format('a, "b"')) == '\ufeffItem,€\r\n"a, ""b""",7\r\n'


def test_an_empty_line_stands_between_tables_and_one_can_be_asked_for() -> None:
    pages = (A.format("a") + "text" + B, "no table", A.format("b"))
    assert written(*pages) == "\ufeffItem,€\r\na,7\r\n\r\nx\r\n\r\nItem,€\r\nb,7\r\n"
    assert written(*pages, table=2) == "\ufeffx\r\n"
    assert written(*pages, table=3) == "\ufeffItem,€\r\nb,7\r\n"
    with pytest.raises(NoSuchTable, match=r"3 table.* no table 4"):
        written(*pages, table=4)


@pytest.mark.parametrize("pages", [("text",), ("<table></table>", "<table><tr><td> </td></tr></table>"), (None,)])
def test_without_a_table_there_is_no_file(pages: tuple[Any, ...]) -> None:
    for table in (0, 1):
        with pytest.raises(NoTables):
            written(*pages, table=table)


def test_pages_that_are_missing_stand_behind_all_tables() -> None:
    pages = (B, PageDeadline(), None)
    assert written(*pages) == "\ufeffx\r\n\r\nmissing page,code\r\n2,page_deadline\r\n3,pending\r\n"
    assert written(*pages, table=1) == "\ufeffx\r\n"


def test_tables_that_go_on_are_joined_where_that_is_asked_for() -> None:
    pages = (B + A.format("a"), A.format("b"), A.format("c") + A.format("d"))
    assert written(*pages).count("Item") == 4
    assert written(*pages, merge_tables=True) == "\ufeffx\r\n\r\nItem,€\r\na,7\r\nb,7\r\nc,7\r\n\r\nItem,€\r\nd,7\r\n"
    assert written(*pages, merge_tables=True, table=2) == "\ufeffItem,€\r\na,7\r\nb,7\r\nc,7\r\n"


@pytest.mark.parametrize(
    "pages",
    [
        (A.format("a"), A.format("b").replace("Item", "Other")),
        (A.format("a"), A.format("b").replace("<td>7", "<td>7<td>8")),
        (A.format("a"), "no table", A.format("b")),
        (A.format("a"), PageDeadline(), A.format("b")),
        (A.format("a") + B, A.format("b")),
        (A.format("a"), B + A.format("b")),
        (
            "<table><tr><td></td></tr><tr><td>a</td></tr></table>",
            "<table><tr><td></td></tr><tr><td>b</td></tr></table>",
        ),
    ],
)
def test_other_tables_are_not_joined(pages: tuple[Any, ...]) -> None:
    assert written(*pages, merge_tables=True) == written(*pages)


FIELDS = st.text(st.sampled_from("ab1 ,;\"'=+-@|\n"), max_size=4)
GRIDS = st.lists(st.lists(st.lists(FIELDS, min_size=2, max_size=2), min_size=1, max_size=4), min_size=1, max_size=4)


@given(GRIDS)
def test_joining_loses_no_row_and_no_text(tables: list[list[list[str]]]) -> None:
    head = "<tr><td>Item</td><td>Price</td></tr>"
    rows = [["".join(f"<td>{field}</td>" for field in row) for row in table] for table in tables]
    pages = [f"<table>{head}{''.join(f'<tr>{row}</tr>' for row in table)}</table>" for table in rows]
    joined = list(csv.reader(written(*pages, merge_tables=True).removeprefix("\ufeff").splitlines()))
    apart = list(csv.reader(written(*pages).removeprefix("\ufeff").splitlines()))
    assert joined == [apart[0], *(row for row in apart if row and row != apart[0])]


@given(TEXTS)
def test_whatever_a_page_holds_its_csv_can_be_read(texts: list[str]) -> None:
    try:
        text = written("".join(texts) + B).removeprefix("\ufeff")
    except NoTables:  # the last one too is code or a picture by now
        return
    blocks = re.split(r"^\r\n", text, flags=re.MULTILINE)
    for block in blocks:
        assert len({len(row) for row in csv.reader(block.splitlines(keepends=True))}) == 1


@pytest.mark.parametrize(
    "text",
    ["=1+1", '=HYPERLINK("http://a")', "+1+2", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "-A1", "＝1+1", "+cmd|' /C calc'!A0", "---x"],
)  # fmt: skip
def test_what_looks_like_a_formula_is_kept_a_text(text: str) -> None:
    assert without_formula(text) == f"'{text}"


def test_neither_does_a_spreadsheet_that_parts_fields_otherwise_find_a_formula() -> None:
    assert without_formula("a;=1+1") == "a;'=1+1"
    assert without_formula('"=1+1"') == '"\'=1+1"'


@pytest.mark.parametrize("text", ["-12.5", "+3", "-1,234.50", "-5 %", "-", "--", "a-b", "a=b", "7", "- 5 000,00", ""])
def test_numbers_and_other_texts_stay(text: str) -> None:
    assert without_formula(text) == text


@given(FIELDS)
def test_no_field_begins_as_a_formula(text: str) -> None:
    written_field = without_formula(text)
    assert re.match(r"[=@]|[-+]\D*[a-z=@|]", written_field) is None
    assert written_field.replace("'", "") == text.replace("'", "")
