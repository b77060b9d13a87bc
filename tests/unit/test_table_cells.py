"""Tables of any shape become rows of cells; their text is kept whole, and their HTML is safe to show."""

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocr_celery.core.table_cells import Table, split_tables
from tests.testlib.effort import examples

HARMLESS = {"table", "tr", "td", "th", "b", "i", "u", "s", "em", "strong", "sup", "sub", "br"}
TAGS = [f"<{mark}{name}>" for mark in ("", "/") for name in ("table", "tr", "td", "th", "thead", "b", "script")]
PIECES = [
    *TAGS,
    '<td rowspan="2" onclick="x()">',
    "<table",
    "<td colspan=",
    "&amp;",
    "&#9999999999;",
    "&",
    "<",
    ">",
    "\\<",
]


class Shown(HTMLParser):
    """What a reader of HTML finds: tags, attributes and text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data


def only(text: str, *, unclosed: bool = False) -> Table:
    (table,) = (part for part in split_tables(text, unclosed=unclosed) if isinstance(part, Table))
    return table


def test_text_and_tables_keep_their_order() -> None:
    before, table, middle, _, after = split_tables("a<table><td>1</td></table>b<TABLE class='x'><td>2</td></TABLE>c")
    assert (before, middle, after) == ("a", "b", "c")
    assert isinstance(table, Table)


def test_cells_become_tabs_without_markup() -> None:
    table = only(
        "<table><tr><th>Item &amp; <b>rent</b></th><td>a<br>b</td></tr><tr><td>1 &lt; 2</td><td></td></tr></table>"
    )
    assert table.as_text() == "Item & rent\ta b\n1 < 2"


def test_spans_and_heads_stay_in_the_html() -> None:
    table = only(
        "<table><tr><th ROWSPAN=2>a</th><td colspan='3' style='x'>b</td></tr><tr><td rowspan=0>c</td></tr></table>"
    )
    assert table.as_html() == (
        '<table><tr><th rowspan="2">a</th><td colspan="3">b</td></tr><tr><td>c</td></tr></table>'
    )


@pytest.mark.parametrize(
    ("inner", "shown"),
    [
        ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
        ("<img src=x onerror=y>", "&lt;img src=x onerror=y&gt;"),
        ("<B>x</B> H<sub>2</sub>O <br/>", "<b>x</b> H<sub>2</sub>O <br>"),
        ("<b onclick=x>y</b>", "&lt;b onclick=x&gt;y</b>"),
        ("R&D &amp; &#42;", "R&amp;D &amp; &#42;"),
    ],
)
def test_only_harmless_tags_stay(inner: str, shown: str) -> None:
    assert only(f"<table><td>{inner}</td></table>").as_html() == f"<table><tr><td>{shown}</td></tr></table>"


@pytest.mark.parametrize(
    ("html", "rows"),
    [
        ("<table><td>a<td>b<tr><td>c</table>", "a\tb\nc"),
        ("<table>lost<tr><td>a</td>found</tr></table>", "lost\na\tfound"),
        ("<table><caption>Title</caption><tr><td>a</td></tr></table>", "Title\na"),
        ("<table><tr><td>a<table><tr><td>b</td></tr></table>", "a\nb"),
        ("<table></table>", ""),
    ],
)
def test_nothing_of_a_broken_table_is_lost(html: str, rows: str) -> None:
    assert only(html).as_text() == rows


def test_a_table_that_was_cut_off_is_one_only_where_a_table_was_announced() -> None:
    text = "see <table><tr><td>a</td><td>b"
    assert split_tables(text) == [text]
    assert only(text, unclosed=True).as_text() == "a\tb"
    assert split_tables("\\<table\\> is a tag", unclosed=True) == ["\\<table\\> is a tag"]


@given(st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=4)), max_size=30).map("".join), st.booleans())
@examples(500)
def test_any_text_gives_safe_html(text: str, unclosed: bool) -> None:
    parts = split_tables(text, unclosed=unclosed)
    for part in parts:
        if isinstance(part, Table):
            shown = Shown(part.as_html())
            assert shown.tags <= HARMLESS
            assert shown.attributes <= {"rowspan", "colspan"}
            part.as_text()
    assert any(isinstance(part, Table) for part in parts) or "".join(map(str, parts)) == text
