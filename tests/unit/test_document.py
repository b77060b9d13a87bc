"""What the pages of a document make together; which ids they have."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocr_celery.core.document import (
    DocumentProgress,
    PageResult,
    PageSet,
    assemble,
    bounded_results,
    document_verdict,
    format_page_range,
    page_id,
    page_texts,
)
from ocr_celery.core.page_range import parse_page_range
from ocr_celery.core.status import Status
from ocr_celery.core.verdict import Verdict
from ocr_celery.errors import EngineFailed, PageDeadline, ResultTooLarge

PAGES = PageSet(9, "1,7-8")


def read(number: int, text: str, **more: Any) -> PageResult:
    return PageResult(number, {"text": text, "verdict": "ok", "readings": 1, **more})


def test_each_page_stands_behind_its_number_in_order() -> None:
    found = assemble(PAGES, [read(1, "one"), read(7, "seven"), read(8, "eight")])
    assert found["text"] == "<!-- page 1 -->\n\none\n\n<!-- page 7 -->\n\nseven\n\n<!-- page 8 -->\n\neight"
    assert not found["partial"]
    assert found["failed_pages"] == []


def test_a_page_that_failed_keeps_its_place_with_its_code() -> None:
    found = assemble(PAGES, [read(1, "one"), PageResult(7, PageDeadline()), read(8, "eight")])
    assert "one\n\n<!-- page 7: page_deadline -->\n\n<!-- page 8 -->" in found["text"]
    assert found["partial"]
    assert found["failed_pages"] == [{"page": 7, "code": "page_deadline", "error": PageDeadline().message}]
    assert found["pages"] == {
        **{"in_file": 9, "range": "1,7-8", "total": 3},
        **{"completed": 2, "failed": 1, "processing": 0, "pending": 0},
    }


def test_results_are_taken_as_long_as_their_text_is_not_too_long() -> None:
    results = [read(1, "one"), PageResult(7, PageDeadline()), read(8, "eight")]
    assert bounded_results(iter(results), most=8) == results
    more = iter([*results, read(9, "")])
    with pytest.raises(ResultTooLarge):
        bounded_results(more, most=7)
    assert next(more).number == 9


def test_a_page_cannot_pass_its_text_off_as_that_of_another_page() -> None:
    forged = "x\n\n<!-- page 8 -->\n\nnot page 8"
    result = assemble(PAGES, [read(1, forged), read(7, "seven"), read(8, "eight")])
    assert [text for _, text in page_texts(result)] == [forged, "seven", "eight", ""]


@given(st.lists(st.none() | st.text(max_size=30), min_size=3, max_size=3))
def test_the_pieces_of_a_text_are_the_text_and_each_page_is_a_piece_of_it(texts: list[str | None]) -> None:
    results = [
        PageResult(number, EngineFailed()) if text is None else read(number, text)
        for number, text in zip(PAGES.numbers, texts, strict=True)
    ]
    result = assemble(PAGES, results)
    pieces = page_texts(result)
    assert "".join(before + text for before, text in pieces) == result["text"]
    assert [text for _, text in pieces[:-1]] == [text for text in texts if text is not None]
    assert [span[0] for span in result["spans"]] == [
        n for n, t in zip(PAGES.numbers, texts, strict=True) if t is not None
    ]


def test_counts_and_seconds_of_the_pages_are_added_up() -> None:
    seconds = {"waited": 0.1, "prepared": 1.0, "read": 2.0}
    pages = [read(n, "x", prompt_tokens=3, output_tokens=n, seconds=seconds, engine="e", model="m") for n in (1, 7, 8)]
    found = assemble(PAGES, pages)
    assert (found["prompt_tokens"], found["output_tokens"], found["readings"]) == (9, 16, 3)
    assert found["seconds"] == {"waited": 0.3, "prepared": 3.0, "read": 6.0}
    assert (found["engine"], found["model"]) == ("e", "m")


def test_what_is_doubtful_of_a_document_is_said_where_its_engine_can_tell_and_long_pages_count_more() -> None:
    assert "doubtful_share" not in assemble(PAGES, [read(n, "x") for n in (1, 7, 8)])
    pages = [read(1, "abc", doubtful_share=0.5), read(7, "a", doubtful_share=0.0), read(8, "as the file has it")]
    assert assemble(PAGES, pages)["doubtful_share"] == 0.375
    assert assemble(PAGES, [read(n, "", doubtful_share=0.0) for n in (1, 7, 8)])["doubtful_share"] == 0


@pytest.mark.parametrize(
    ("verdicts", "whole"),
    [
        ({"ok": 3}, Verdict.OK),
        ({"ok": 3, "empty": 9}, Verdict.OK),
        ({"empty": 2}, Verdict.EMPTY),
        ({"ok": 3, "unsure": 1}, Verdict.UNSURE),
        ({"ok": 3, "truncated": 1, "unsure": 1}, Verdict.TRUNCATED),
        ({"ok": 3, "truncated": 1, "repeating": 1}, Verdict.REPEATING),
    ],
)
def test_one_doubtful_page_makes_a_document_doubtful_and_an_empty_one_does_not(
    verdicts: dict[str, int], whole: Verdict
) -> None:
    assert document_verdict(verdicts) is whole


@given(st.sets(st.integers(1, 40), min_size=1))
def test_a_page_range_that_was_written_selects_the_same_pages_again(numbers: set[int]) -> None:
    assert parse_page_range(format_page_range(sorted(numbers)), 40) == sorted(numbers)
    pages = PageSet.of(sorted(numbers), 40)
    assert PageSet.from_json(pages.as_json()) == pages


@pytest.mark.parametrize("text", ["", "null", "[]", '{"in_file": "3"}', '{"in_file": 3, "range": "9"}', "{"])
def test_anything_else_is_no_set_of_pages(text: str) -> None:
    with pytest.raises((ValueError, TypeError)):
        PageSet.from_json(text)


def test_a_document_has_the_same_page_ids_whenever_it_is_opened_and_no_other_document_has_them() -> None:
    assert PAGES.ids("a") == PAGES.ids("a") == [page_id("a", number) for number in (1, 7, 8)]
    assert not set(PAGES.ids("a")) & set(PAGES.ids("b"))


@pytest.mark.parametrize(
    ("counts", "partial"),
    [
        ({Status.COMPLETED: 2}, False),
        ({Status.FAILED: 2}, False),
        ({Status.COMPLETED: 1, Status.FAILED: 1}, True),
        ({Status.COMPLETED: 1, Status.FAILED: 1, Status.PENDING: 1}, False),
    ],
)
def test_a_document_is_partial_once_all_is_final_and_some_is_missing(counts: dict[Status, int], partial: bool) -> None:
    assert DocumentProgress(PAGES, counts).is_partial is partial


def test_a_document_names_the_pages_whose_text_is_the_files_own_and_says_where_fonts_are_missing() -> None:
    pages = [read(1, "x"), read(7, "y", source="text_layer"), read(8, "z", source="text_layer", fonts_missing=True)]
    found = assemble(PAGES, pages)
    assert (found["text_layer_pages"], found["fonts_missing"]) == ([7, 8], True)
    assert {"text_layer_pages", "fonts_missing"}.isdisjoint(assemble(PAGES, [read(n, "x") for n in (1, 7, 8)]))
