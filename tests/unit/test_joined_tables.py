"""Tables that go on on the next page are one, by the same rule in every format; nothing else moves."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ocr_celery.core import joined_tables as module
from ocr_celery.core.joined_tables import joined_tables
from ocr_celery.core.result_formats import ResultHead
from ocr_celery.core.result_page import ResultPage
from ocr_celery.core.table_csv import TablesAsCsv
from ocr_celery.errors import PageDeadline
from tests.testlib.effort import examples

HEAD = "<tr><td>Item</td><td>2024</td></tr>"


def table(*items: str, head: str = HEAD) -> str:
    return f"<table>{head}{''.join(f'<tr><td>{item}</td><td>1</td></tr>' for item in items)}</table>"


def pages(*texts: Any) -> list[ResultPage]:
    return [ResultPage(n, {"text": text} if isinstance(text, str) else text) for n, text in enumerate(texts, 1)]


def shown(*texts: Any) -> list[str]:
    return [page.markdown for page in joined_tables(pages(*texts))]


def test_a_table_that_goes_on_stands_where_it_begins() -> None:
    first, second = shown(f"one\n\n{table('a')}\n\nfoot", f"head\n\n{table('b', 'c')}\n\ntwo")
    assert first.startswith("one\n")
    assert first.endswith("foot")
    assert [line for line in first.split("\n") if "|" in line] == [
        *("| Item | 2024 |", "| --- | --- |", "| a | 1 |", "| b | 1 |", "| c | 1 |")
    ]
    assert second.split() == ["head", "two"]


def test_over_many_pages_and_once_more() -> None:
    found = shown(table("a"), table("b"), f"{table('c')}\n\nx\n\n{table('d')}", table("e"), "end")
    assert [text.count("| 1 |") for text in found] == [3, 0, 2, 0, 0]
    assert found[1] == found[3] == ""
    assert found[4] == "end"


def test_what_does_not_belong_together_stays_as_it_was() -> None:
    texts = (table("a"), table("b", head="<tr><td>x</td><td>y</td></tr>"), "text", table("c"))
    assert shown(*texts) == [page.markdown for page in pages(*texts)]
    found = list(joined_tables(pages(table("a"), PageDeadline(), table("b"), None, table("c"))))
    assert [page.missing for page in found] == ["", "page_deadline", "", "pending", ""]
    assert [page.changed for page in found] == [None] * 5


def test_a_joined_table_that_grows_too_long_is_followed_by_another(monkeypatch: Any) -> None:
    monkeypatch.setattr(module, "_MOST_CELLS", 9)
    assert [text.count("| 1 |") for text in shown(table("a"), table("b"), table("c"), table("d"))] == [2, 0, 2, 0]


ROWS = st.lists(st.sampled_from("abc"), max_size=2)
TEXTS = st.lists(
    st.one_of(
        st.builds(lambda rows: table(*rows), ROWS),
        st.builds(lambda rows: table(*rows, head="<tr><th>Item</th></tr>"), ROWS),
        st.sampled_from(["text", "<table></table>", "<table><tr><td></td></tr></table>"]),
    ),
    max_size=3,
).map("\n\n".join)


@given(st.lists(st.one_of(TEXTS, st.none()), max_size=6))
@examples(200)
def test_the_tables_are_those_of_a_spreadsheet_and_every_page_stays(texts: list[Any]) -> None:
    found = list(joined_tables(pages(*texts)))
    assert [page.number for page in found] == list(range(1, len(texts) + 1))

    def as_csv(given: list[ResultPage], merge: bool) -> str:
        writer = TablesAsCsv(ResultHead("id", "completed", is_document=True, is_partial=False, merge_tables=merge))
        return "".join(map(writer.add, given))

    assert as_csv(found, False) == as_csv(pages(*texts), True)
