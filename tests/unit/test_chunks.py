"""Chunks of a result: cut where a reader would pause, within their size; nothing is lost, and no table is torn."""

import json
import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocr_celery.core.blocks import PageBlock, page_blocks
from ocr_celery.core.chunks import SIZES, Chunk, Chunker
from ocr_celery.core.markdown_pieces import Piece, cut_text, split_markdown
from tests.testlib.effort import examples
from tests.testlib.linear_time import check_linear
from tests.testlib.mutated_answers import ANSWERS, PAGE, PIECES, mutated


def chunks_of(*pages: str, size: int = 2000) -> list[Chunk]:
    chunker = Chunker(size)
    found: list[Chunk] = []
    for number, raw in enumerate(pages, 1):
        found += chunker.add(number, page_blocks(raw, width=999, height=999))
    return [*found, *chunker.end()]


def texts_of(*pages: str, size: int = 2000) -> list[str]:
    return ["\n\n".join(chunk.texts) for chunk in chunks_of(*pages, size=size)]


# -- pieces --------------------------------------------------------------------------------------------------------------


def test_pieces_are_headings_paragraphs_tables_and_code() -> None:
    text = (
        "# A\n## B\none\nparagraph\n\nanother\n\n| a |\n| - |\nafter\n```py\n# no heading\n\nx\n```\n"
        "end <table><td>\n\n</td></table> tail\n#hash"
    )
    assert list(split_markdown(text)) == [
        Piece("# A", level=1),
        Piece("## B", level=2),
        Piece("one\nparagraph"),
        Piece("another"),
        Piece("| a |\n| - |", is_whole=True),
        Piece("after"),
        Piece("```py\n# no heading\n\nx\n```", is_whole=True),
        Piece("end"),
        Piece("<table><td>\n\n</td></table>", is_whole=True),
        Piece("tail\n#hash"),
    ]


def test_code_that_is_not_closed_reaches_to_the_end() -> None:
    assert [piece.text for piece in split_markdown("a\n~~~\nb\n```\n\nc")] == ["a", "~~~\nb\n```\n\nc"]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("short", ["short"]),
        ("One two. Three four five", ["One two.", "Three four", "five"]),
        ("第一句话。第二句话在这里。", ["第一句话。", "第二句话在这里。"]),
        ("line one\nline two", ["line one", "line two"]),
        ("x" * 25, ["x" * 12, "x" * 12, "x"]),
        (" \n ", []),
    ],
)
def test_a_long_text_is_cut_at_lines_sentences_or_words(text: str, parts: list[str]) -> None:
    assert list(cut_text(text, 12)) == parts


# -- chunks --------------------------------------------------------------------------------------------------------------


def test_a_chunk_begins_at_a_heading_and_knows_those_above_it() -> None:
    found = chunks_of("# A\n\n## B\n\none\n\ntwo\n\n## C\n\nthree\n\n# D\n\nfour")
    assert [chunk.headings for chunk in found] == [["A", "B"], ["A", "C"], ["D"]]
    assert found[0].texts == ["# A", "## B", "one", "two"]


def test_a_long_heading_begins_a_chunk_too() -> None:
    long = "Liabilities and shareholders' equity as of 31 December 2024"
    found = chunks_of(f"# Assets\n\nTotal assets rose.\n\n# {long}\n\nDebt fell.\n\n## B\n\nb", size=200)
    assert [chunk.headings for chunk in found] == [["Assets"], [long], [long, "B"]]
    assert found[1].texts == [f"# {long}", "Debt fell."]


def test_headings_above_a_chunk_are_cut_where_they_are_long() -> None:
    (first, *found) = chunks_of("# " + "x" * 300 + "\n\n## B\n\nb\n\n# " + "a " * 300, size=2000)
    assert first.texts[0] == "# " + "x" * 300
    assert first.headings == ["x" * 199 + "…", "B"]
    assert [chunk.headings for chunk in found] == [["a " * 99 + "a…"]]


def test_a_chunk_may_go_on_over_pages_and_carries_its_places() -> None:
    one, two = (f"<|ref|>text<|/ref|><|det|>[[{n}, 2, 3, 4]]<|/det|>\npage {n}" for n in (1, 2))
    (chunk,) = chunks_of(one, two)
    assert chunk.as_dict(1) == {
        "chunk": 1,
        "text": "page 1\n\npage 2",
        "headings": [],
        "pages": [1, 2],
        "boxes": [{"page": 1, "box": [1, 2, 3, 4]}, {"page": 2, "box": [2, 2, 3, 4]}],
    }


def test_a_chunk_has_the_boxes_of_a_block_once() -> None:
    raw = "<|ref|>text<|/ref|><|det|>[[1, 1, 2, 2], [5, 5, 6, 6]]<|/det|>\nA\n\nB\n\n# C\n\nD\n\nE"
    assert [chunk.boxes for chunk in chunks_of(raw)] == 2 * [[(1, (1, 1, 2, 2)), (1, (5, 5, 6, 6))]]


def test_of_very_many_boxes_the_one_around_them_is_named() -> None:
    boxes = ", ".join(f"[{n}, 7, {n + 1}, 9]" for n in range(3, 603))
    raw = f"<|ref|>text<|/ref|><|det|>[{boxes}]<|/det|>\n" + "a\n\n" * 2000
    found = chunks_of(raw, size=200)
    assert len(found) > 9
    assert all(chunk.boxes == [(1, (3, 7, 603, 9))] for chunk in found)


def test_paragraphs_stay_whole_where_they_fit() -> None:
    paragraphs = [f"{n} " + "word " * 20 for n in range(9)]
    found = texts_of("\n\n".join(paragraphs), size=250)
    assert found == ["\n\n".join(p.strip() for p in paragraphs[n : n + 2]) for n in range(0, 9, 2)]


@pytest.mark.parametrize(
    "text", ["<table><tr><td>" + "a b. " * 200 + "</td></tr></table>", "```\n" + "a\n\n" * 200 + "```"]
)
def test_a_table_or_code_is_never_cut(text: str) -> None:
    found = texts_of(f"before\n\n{text}\n\nafter", size=SIZES[0])
    assert found[1] == text
    assert len(found) == 3


def test_a_table_that_was_cut_off_is_one_piece() -> None:
    table = "<table><tr><td>" + "a b. \n\n" * 99 + "</td><td>c"
    assert texts_of(f"<|ref|>table<|/ref|><|det|>[[1, 2, 3, 4]]<|/det|>\n{table}", size=200) == [table]
    assert len(texts_of(f"<|ref|>text<|/ref|><|det|>[[1, 2, 3, 4]]<|/det|>\n{table}", size=200)) > 1


def test_a_formula_is_never_cut() -> None:
    formula = "\\[\n" + "x + y. \n\n" * 99 + "\\]"
    assert texts_of(f"<|ref|>equation<|/ref|><|det|>[[1, 2, 3, 4]]<|/det|>\n{formula}", size=200) == [
        re.sub(r"\n{3,}", "\n\n", formula)
    ]


def test_a_page_without_text_makes_no_chunk() -> None:
    assert chunks_of("", " ", "<|ref|>image<|/ref|><|det|>[[1, 2, 3, 4]]<|/det|>") == []


def check(pages: list[list[PageBlock]], size: int) -> None:
    chunker = Chunker(size)
    found = [chunk for number, blocks in enumerate(pages, 1) for chunk in chunker.add(number, blocks)]
    found += chunker.end()
    whole = "".join(block.markdown for blocks in pages for block in blocks)
    assert "".join("".join("".join(chunk.texts) for chunk in found).split()) == "".join(whole.split())
    for chunk in found:
        assert chunk.texts
        assert chunk.length == len("\n\n".join(chunk.texts))
        assert chunk.pages == sorted(set(chunk.pages))


HEADINGS = st.builds(
    "{} {}".format, st.sampled_from(["#", "##", "###"]), st.sampled_from(["H", "x" * 45, "y " * 24, "z" * 230])
)
PARAGRAPHS = st.integers(1, 420).flatmap(
    lambda length: st.sampled_from([("ab " * length)[:length], ("句。" * length)[:length]])
)
PAGES = st.lists(st.one_of(HEADINGS, PARAGRAPHS), max_size=30).map("\n\n".join)


@given(st.lists(PAGES, max_size=3), st.sampled_from([200, 201, 230, 1000]))
@examples(150)
def test_chunks_of_text_keep_their_size_and_all_of_the_text(pages: list[str], size: int) -> None:
    check([page_blocks(raw, width=9, height=9) for raw in pages], size)
    assert all(chunk.length <= size for chunk in chunks_of(*pages, size=size))


@pytest.mark.parametrize("size", [200, 2000, 50_000])
def test_chunks_are_not_many_times_as_long_as_their_text(size: int) -> None:
    deep = "".join(f"{'#' * level} {'x' * (size // 4 - 9)}\n\n" for level in range(1, 6))
    boxes = ", ".join(f"[{n}, {n}, {n + 1}, {n + 1}]" for n in range(20))
    raw = f"<|ref|>text<|/ref|><|det|>[{boxes}]<|/det|>\n{deep}" + "###### a\n\nb\n\n" * 1000
    found = chunks_of(raw, size=size)
    assert sum(len(json.dumps(chunk.as_dict(1))) for chunk in found) < 1000 * 2500 + len(raw)


@given(st.integers(1, 3000))
def test_the_parts_of_a_long_paragraph_are_chunks_of_their_own(length: int) -> None:
    found = texts_of(("a b. " * length)[:length], size=200)
    assert all("\n" not in text for text in found)


@given(st.lists(st.integers(min_value=0), max_size=4), st.integers(SIZES[0], 1000))
@examples(150)
def test_mutated_answers_never_fail(seeds: list[int], size: int) -> None:
    check([page_blocks(mutated(random.Random(seed)), width=99, height=99) for seed in seeds], size)


@given(st.lists(st.one_of(st.sampled_from(PIECES), st.sampled_from(ANSWERS), st.text(max_size=5))).map("".join))
@examples(150)
def test_any_text_never_fails(raw: str) -> None:
    check([page_blocks(raw, width=99, height=99), page_blocks(PAGE, width=99, height=99)], 300)


@pytest.mark.parametrize(
    "flood", ["a ", "a", ". ", "\n", "# a\n", "```\n", "|\n", "<table>", "</table>", "a\n\n", "# a\n\nb\n\n"]
)
def test_a_text_eight_times_as_long_takes_eight_times_as_long(flood: str) -> None:
    check_linear(lambda text: chunks_of(text, size=200), lambda length: flood * (length // len(flood)), 65_536)
