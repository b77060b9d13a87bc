"""Parsing of answers to blocks and markdown: any text, in time linear in its length."""

import html
import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocr_celery.core import grounding
from ocr_celery.core.grounding import MAX_COORD, Block, has_tags, parse_blocks, render_blocks
from ocr_celery.core.html_tables import with_pipe_tables
from ocr_celery.core.markdown import escape, escape_cell, to_markdown
from tests.testlib.effort import examples
from tests.testlib.linear_time import check_linear
from tests.testlib.mutated_answers import ANSWERS, PAGE, PIECES, mutated

HEAD = "<|ref|>{}<|/ref|><|det|>[[1, 2, 3, 4]]<|/det|>\n"


def table(text: str) -> str:
    return to_markdown(HEAD.format("table") + text)


# -- what a whole answer becomes -----------------------------------------------------------------------------------------


def test_a_page_becomes_markdown_with_headings_and_pipe_tables() -> None:
    assert to_markdown(PAGE) == (
        "# Annual report 2024\n\nNet sales rose by 4 % to \\(1.2 \\cdot 10^9\\), see *Notes* and [1].\n\n"
        "| Item | 2023 | 2024 |\n| --- | --- | --- |\n| Sales & rent | 1 \\< 2 | a\\|b |\n\n"
        '<table><thead><tr><th colspan="2">Both</th></tr></thead><tbody><tr><td>a</td><td>b</td></tr></tbody></table>'
        "\n\n## 附注\n\n本公司及其子公司。"
    )


def test_blocks_have_their_labels_places_and_texts() -> None:
    blocks = parse_blocks(PAGE)
    assert [block.label for block in blocks] == ["title", "text", "table", "table", "image", "sub_title", "text"]
    assert blocks[4] == Block("image", ((51, 710, 300, 900), (310, 710, 600, 900)), "![](images/0.jpg)")


def test_an_answer_without_tags_is_markdown_already() -> None:
    assert to_markdown("# A <table>\n![x](y)") == "# A <table>\n![x](y)"


@pytest.mark.parametrize(
    ("title", "heading"),
    [
        ("Report", "# Report"),
        ("# Report", "# Report"),
        ("## Report", "## Report"),
        ("#hash tag", "# #hash tag"),
        ("#1 in sales", "# #1 in sales"),
        ("#######", "# #######"),
        ("two\nlines", "# two lines"),
    ],
)
def test_a_title_is_a_heading_once(title: str, heading: str) -> None:
    assert to_markdown(HEAD.format("title") + title) == heading


# -- what is broken ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "blocks"),
    [
        ("<|ref|>title", []),
        ("<|ref|>title<|/ref|", []),
        ("text <|/ref|> on", [Block("", (), "text  on")]),
        ("<|det|>[[1, 2", []),
        ("<|ref|>title<|/ref|><|det|>[[1, 2, 3", [Block("title", (), "")]),
        ("<|ref|>a<|ref|>text<|/ref|>\nb", [Block("text", (), "b")]),
        ("<|det|>[[1, 2, 3, 4]]<|/det|><|ref|>", [Block("", (), "[[1, 2, 3, 4]]")]),
        ("a<|re<|det|>f|>b", [Block("", (), "ab")]),
        (HEAD.format("text").replace("1,", "1" * 5000 + ","), [Block("text", ((3, 2, 999, 4),), "")]),
        (HEAD.format("text").replace("[1,", "[-" + "1" * 5000 + ","), [Block("text", ((0, 2, 3, 4),), "")]),
        (HEAD.format("text").replace("1,", "0" * 5000 + "1.6,"), [Block("text", ((2, 2, 3, 4),), "")]),
        (HEAD.format("text").replace("1,", "1e9,"), [Block("text", (), "")]),
        (HEAD.format("text").replace("[1,", "[[1,"), [Block("text", ((1, 2, 3, 4),), "")]),
    ],
)
def test_tags_without_their_partner_and_boxes_that_are_none_are_dropped(answer: str, blocks: list[Block]) -> None:
    assert parse_blocks(answer) == blocks
    to_markdown(answer)


@pytest.mark.parametrize(
    "html",
    [
        "<table><tr><td>a</td><td>b</td></tr>",
        "<table><tr><td>a</td><td>b</tr></table>",
        "<table><tr><td>a</td><td>b</td></tr>stray</table>",
        "<table><tr><td>a</td><td><table><tr><td>b</td><td>c</td></tr></table></td></tr></table>",
        "<table><tr><td>a</td><td colspan=2>b</td></tr></table>",
        "<table><td>a</td><td>b</td></table>",
        "</table><table",
    ],
)
def test_a_table_that_pipes_cannot_show_stays_as_it_is(html: str) -> None:
    assert table(html) == html


def test_a_row_that_is_not_closed_ends_where_the_next_begins() -> None:
    assert table("<table><tr><td>a</td><td>b</td><tr><td>c</td></table>") == "| a | b |\n| --- | --- |\n| c |  |"


def test_a_table_of_one_long_row_and_many_short_ones_is_not_blown_up_to_a_square() -> None:
    html = f"<table><tr>{'<td>a</td>' * 2000}</tr>{'<tr><td>b</td></tr>' * 2000}</table>"
    assert len(table(html)) <= 2 * len(html)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("![](a.jpg) A caption", "A caption"),
        ("![x] ![](a) b", "![x]  b"),
        ("![a](b", "![a](b"),
        ("![a]\n(b)", "![a]\n(b)"),
        ("![![a](b)c", "c"),
        ("![", "!["),
    ],
)
def test_a_picture_loses_the_links_that_the_model_made_up(text: str, left: str) -> None:
    assert to_markdown(HEAD.format("image") + text) == left


# -- text of a page within markdown ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("plain words, 3.5 % (net)", "plain words, 3.5 % (net)"),
        ("*a* `b` <c> |d| [e]", "\\*a\\* \\`b\\` \\<c\\> \\|d\\| \\[e\\]"),
        ("snake_case _word_", "snake_case \\_word\\_"),
        ("~~gone~~ ~1", "\\~~gone\\~~ ~1"),
        ("&amp; & Co", "\\&amp; & Co"),
        ("a\\", "a\\\\"),
        ("C:\\dir", "C:\\dir"),
        ("    indented", "indented"),
        ("# title\n#1 in sales", "\\# title\n#1 in sales"),
        ("- item\n-5 degrees", "\\- item\n-5 degrees"),
        ("---\n===", "\\---\n\\==="),
        ("1. first\n1.5 metres", "1\\. first\n1.5 metres"),
    ],
)
def test_markup_in_the_text_of_a_page_is_escaped(text: str, escaped: str) -> None:
    assert escape(text) == escaped


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("two\n  lines", "two lines"),
        ("1 < 2 & 3 > 2", "1 &lt; 2 &amp; 3 &gt; 2"),
        ("a|b", "a&#124;b"),
        ("*a* [b] `c` d\\e", "&#42;a&#42; &#91;b&#93; &#96;c&#96; d&#92;e"),
        ("snake_case _word_ ~~x~ ~y", "snake_case &#95;word&#95; &#126;~x~ ~y"),
        ('say "x"', 'say "x"'),
    ],
)
def test_markup_in_the_text_of_a_cell_becomes_entities(text: str, cell: str) -> None:
    assert escape_cell(text) == cell


@given(st.text(alphabet=st.characters(exclude_characters="<>", exclude_categories=["Cc", "Cs", "Zl", "Zp"])))
def test_a_cell_of_an_html_table_shows_the_text_it_was_made_of(text: str) -> None:
    assert html.unescape(escape_cell(text)) == " ".join(text.split())


@given(st.lists(st.lists(st.text(), min_size=2, max_size=2), min_size=1, max_size=4))
@examples(200)
def test_escaped_cells_become_a_row_of_pipes_each(rows: list[list[str]]) -> None:
    body = "".join(f"<tr>{''.join(f'<td>{escape_cell(cell)}</td>' for cell in row)}</tr>" for row in rows)
    lines = with_pipe_tables(f"<table>{body}</table>").strip("\n").split("\n")
    assert len(lines) == len(rows) + 1
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in lines} == {3}


# -- whatever a model writes ---------------------------------------------------------------------------------------------


def check(answer: str) -> None:
    for block in parse_blocks(answer):
        assert not has_tags(block.label)
        assert not has_tags(block.text)
        for left, upper, right, lower in block.boxes:
            assert 0 <= left <= right <= MAX_COORD
            assert 0 <= upper <= lower <= MAX_COORD
    assert has_tags(answer) or to_markdown(answer) == answer
    assert not has_tags(to_markdown(answer)) or not has_tags(answer)


@given(st.integers(min_value=0))
@examples(1500)
def test_a_mutated_answer_never_fails(seed: int) -> None:
    check(mutated(random.Random(seed)))


@given(st.lists(st.one_of(st.sampled_from(PIECES), st.sampled_from(ANSWERS), st.text(max_size=5))).map("".join))
@examples(500)
def test_any_text_never_fails(answer: str) -> None:
    check(answer)


@given(st.lists(st.builds(Block, st.sampled_from(["title", "text", "table"]), st.just(((1, 2, 3, 4),)), st.text())))
@examples(300)
def test_what_is_rendered_is_parsed_again_with_its_labels_and_places(blocks: list[Block]) -> None:
    assert [(b.label, b.boxes) for b in parse_blocks(render_blocks(blocks))] == [(b.label, b.boxes) for b in blocks]


#: what a model may write again and again
FLOODS = {
    **{piece: HEAD.format("image") + piece * 9 for piece in PIECES if len(piece) > 1},
    "open tables": HEAD.format("table") + "<table><tr><td>a</td><td>",
    "open labels": "<|ref|>text<|/ref|>",
    "boxes": "<|ref|>a<|/ref|><|det|>[[1, 2, 3, 4]]",
    "half a box": "[1, 2, 3, ",
    "half a picture": "![a](",
    "attributes": "<table class=",
    "rules": "-\n",
    "entities": "&amp;&#",
}


def convert(answer: str) -> None:
    parse_blocks(answer)
    to_markdown(answer)
    escape(answer)


@pytest.mark.parametrize("flood", FLOODS)
def test_an_answer_eight_times_as_long_takes_eight_times_as_long(flood: str) -> None:
    unit = FLOODS[flood]
    check_linear(convert, lambda length: HEAD.format("image") + unit * (length // len(unit)), 8 * 16_384)


@pytest.mark.parametrize(
    ("left", "middle", "right"),
    [("<|re", "", "f|>"), ("<table>", "", "</table>"), ("<td>", "x", "</td>"), ("[", "1", "]")],
)
def test_nesting_of_any_depth_takes_a_linear_time(left: str, middle: str, right: str) -> None:
    check_linear(convert, lambda depth: HEAD.format("table") + left * depth + middle + right * depth, 16_000)


def test_a_number_of_a_million_digits_is_a_coordinate_like_any_other() -> None:
    (block,) = parse_blocks(HEAD.format("text").replace("1,", "9" * 1_000_000 + ","))
    assert block.boxes == ((3, 2, 999, 4),)
    assert grounding.parse_blocks("[" * 100_000)[0].text.startswith("[[")
