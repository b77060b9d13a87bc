"""Blocks of a page: in reading order, in pixels, whatever the engine wrote, in time linear in its length."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocr_celery.core.blocks import page_blocks
from ocr_celery.core.grounding import Block, render_blocks
from ocr_celery.core.markdown import escape, to_markdown
from tests.testlib.effort import examples
from tests.testlib.linear_time import check_linear
from tests.testlib.mutated_answers import ANSWERS, PAGE, PIECES, mutated

HEAD = "<|ref|>{}<|/ref|><|det|>[[100, 200, 300, 400]]<|/det|>\n"


def test_a_page_has_its_blocks_in_pixels_with_plain_text() -> None:
    blocks = page_blocks(PAGE, width=1998, height=999)
    assert [block.label for block in blocks] == ["title", "text", "table", "table", "image", "sub_title", "text"]
    title, text, table, both, image, heading, last = blocks
    assert (title.text, title.boxes) == ("Annual report 2024", ((102, 82, 1000, 110),))
    assert text.text == "Net sales rose by 4 % to \\(1.2 \\cdot 10^9\\), see *Notes* and [1]."
    assert table.text == "Item\t2023\t2024\nSales & rent\t1 < 2\ta|b"
    assert table.html.startswith("<table><tr><td>Item</td>")
    assert both.html == '<table><tr><th colspan="2">Both</th></tr><tr><td>a</td><td>b</td></tr></table>'
    assert (image.text, image.boxes) == ("", ((102, 710, 600, 900), (620, 710, 1200, 900)))
    assert (heading.text, last.text, last.html) == ("附注", "本公司及其子公司。", "")


def test_a_box_covers_whole_pixels_up_to_the_edges_of_the_page() -> None:
    (block,) = page_blocks(
        "<|ref|>text<|/ref|><|det|>[[0, 1, 999, 5000], [500, 500, 500, 500]]<|/det|>", width=1000, height=77
    )
    assert block.boxes == ((0, 0, 1000, 77), (500, 38, 501, 39))


def test_without_the_size_of_the_page_nothing_is_said_of_places() -> None:
    assert page_blocks(HEAD.format("text") + "a", width=0, height=0)[0].boxes == ()


@pytest.mark.parametrize("text", ["plain\nlines", "# Not a *heading*", "a \\* b", "snake_case"])
def test_plain_text_is_one_block_as_it_is(text: str) -> None:
    (block,) = page_blocks(text, width=100, height=100)
    assert (block.label, block.boxes, block.text, block.html) == ("text", (), text if "\\" not in text else "a * b", "")


def test_a_text_that_was_escaped_is_shown_as_it_was() -> None:
    text = "1. *net* [12] <b> snake_case_\nR&amp;D"
    (block,) = page_blocks(escape(text), width=1, height=1)
    assert (block.text, block.markdown) == (text, escape(text))


def test_tables_in_plain_text_are_tables() -> None:
    (block,) = page_blocks("a *b*\n<table><tr><td>1</td><td>2</td></tr></table>", width=1, height=1)
    assert block.text == "a *b*\n1\t2"
    assert block.html == "<table><tr><td>1</td><td>2</td></tr></table>"


def test_text_that_was_located_is_the_text() -> None:
    before, found = page_blocks(
        "Where is <|ref|>invoice number<|/ref|><|det|>[[0, 0, 9, 9]]<|/det|>", width=999, height=999
    )
    assert before.text == "Where is"
    assert (found.label, found.text, found.boxes) == ("text", "invoice number", ((0, 0, 9, 9),))


@pytest.mark.parametrize("label", ["code", "equation", "formula"])
def test_code_and_formulas_stay_as_they_are(label: str) -> None:
    text = "# a **b** \\[ c \\] &amp;"
    assert page_blocks(HEAD.format(label) + text, width=9, height=9)[0].text == text


def test_a_table_that_was_cut_off_keeps_its_cells() -> None:
    (block,) = page_blocks(HEAD.format("table") + "<table><tr><td>a</td><td>b", width=9, height=9)
    assert (block.text, block.html) == ("a\tb", "<table><tr><td>a</td><td>b</td></tr></table>")


@given(st.lists(st.text(st.characters(exclude_characters="[<", exclude_categories=["Cs"])), min_size=1))
@examples(200)
def test_what_an_engine_of_ours_read_comes_back(texts: list[str]) -> None:
    raw = render_blocks(Block("text", ((1, 2, 3, 4),), escape(text)) for text in texts)
    found = page_blocks(raw, width=999, height=999)
    assert [block.text.split() for block in found] == [text.split() for text in texts]


def check(raw: str, width: int, height: int) -> None:
    blocks = page_blocks(raw, width=width, height=height)
    assert "\n\n".join(block.markdown for block in blocks if block.markdown) in (
        to_markdown(raw),
        raw.removesuffix("<｜end▁of▁sentence｜>"),
    )
    for block in blocks:
        assert block.label
        for left, upper, right, lower in block.boxes:
            assert 0 <= left <= right <= width
            assert 0 <= upper <= lower <= height


@given(st.integers(min_value=0), st.integers(0, 9999), st.integers(0, 9999))
@examples(500)
def test_a_mutated_answer_never_fails(seed: int, width: int, height: int) -> None:
    check(mutated(random.Random(seed)), width, height)


@given(st.lists(st.one_of(st.sampled_from(PIECES), st.sampled_from(ANSWERS), st.text(max_size=5))).map("".join))
@examples(500)
def test_any_text_never_fails(raw: str) -> None:
    check(raw, 1000, 2000)


FLOODS = [
    *(piece for piece in PIECES if len(piece) > 1),
    "\\(",
    "\\[",
    "\\[a",
    "**a",
    "<b ",
    "&#",
    "\\\\",
    "\\)",
    "\\]",
    "\n# ",
]


def check_is_linear(head: str, flood: str, tail: str = "", *, length: int = 65_536) -> None:
    def text_of(length: int) -> str:
        return head + flood * (length // len(flood)) + tail

    check_linear(lambda raw: page_blocks(raw, width=1000, height=1000), text_of, length)


@pytest.mark.parametrize("label", ["table", ""])
@pytest.mark.parametrize("flood", FLOODS)
def test_an_answer_eight_times_as_long_takes_eight_times_as_long(flood: str, label: str) -> None:
    check_is_linear(HEAD.format(label) if label else "", flood)


@pytest.mark.parametrize(
    ("before", "flood", "after"),
    [
        ("<table><tr><td rowspan=", " ", ">a</td></tr></table>"),
        ("<table><tr><td colspan", " ", ">a</td></tr></table>"),
        ("<table><tr><td colspan='", " ", "x'>a</td></tr></table>"),
        ("<table><tr><td colspan=", "1", ">a</td></tr></table>"),
        ("<table><tr><td><br", " ", "x></td></tr></table>"),
        ("<table><tr><td ", "rowspan =", ">a</td></tr></table>"),
        ("&#", "0", "x"),
        ("<p", " ", "x"),
        ("<p ", "=", "<"),
        ("", "<p ", "="),
        ("**", "a", "\n"),
    ],
)
def test_a_flood_between_two_texts_takes_a_linear_time_too(before: str, flood: str, after: str) -> None:
    check_is_linear(before, flood, after, length=16_384)
