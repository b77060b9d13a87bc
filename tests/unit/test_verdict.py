"""Verdicts on readings, and whether and how a page is read again."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocr_celery.core import verdict
from ocr_celery.core.options import Options
from ocr_celery.core.reading import Reading
from ocr_celery.core.reread_policy import next_attempt
from ocr_celery.core.verdict import Verdict, judge

PROSE = "The quick brown fox jumps over the lazy dog, and nobody in this long sentence says a thing twice. "
BLOCK = "<|ref|>text<|/ref|><|det|>[[{0}, 10, {1}, 20]]<|/det|>\nThe same line again\n\n"


def reading(text: str, finish_reason: str = "stop") -> Reading:
    return Reading(text=text, finish_reason=finish_reason)


@pytest.mark.parametrize(
    "text",
    [
        PROSE + "e" * 400,
        PROSE + "the cat sat on the mat and " * 15,
        PROSE + "ab" * 200,
        PROSE + "循环的文字。" * 40,
        PROSE + "".join(f"Item {n} of the list. " for n in range(40)),
        "".join(BLOCK.format(n, n + 1) for n in range(30)),
        PROSE + "<tr><td>Total</td><td>12.00</td></tr>" * 60,
        PROSE + "no end in sight " * 30 + PROSE,
    ],
    ids=["letter", "sentence", "syllables", "chinese", "counting", "blocks", "rows", "middle"],
)
def test_a_text_that_repeats_itself_is_repeating(text: str) -> None:
    assert judge(reading(text)) is Verdict.REPEATING
    assert judge(reading(text, "length")) is Verdict.REPEATING


@pytest.mark.parametrize(
    "text",
    [
        PROSE,
        "\n".join(f"Chapter {n} {'.' * 60} {7 * n}" for n in range(1, 10)),
        PROSE + "<table>" + "<tr><td></td><td></td><td></td></tr>" * 30 + "</table>",
        PROSE + "\n".join(f"{n * 7919 % 1000}.{n % 100:02} {n * 104729 % 900}.50" for n in range(800)),
        PROSE + "_" * 300,
        "Yes. No. " * 6,
        "| Coffee | 2.50 |\n" * 8,
        "是是是，" * 20,
    ],
    ids=["prose", "contents", "empty cells", "figures", "rule", "short", "receipt", "chinese"],
)
def test_a_page_with_much_of_the_same_is_ok(text: str) -> None:
    assert judge(reading(text)) is Verdict.OK


@pytest.mark.parametrize(
    "text", ["", " \n", "<|ref|>image<|/ref|><|det|>[[1, 2, 3, 4]]<|/det|>\n", "<table></table>", "—"]
)
def test_a_text_with_nothing_to_read_is_empty(text: str) -> None:
    # a label names a part of the page; it is not text of the page
    assert judge(reading(text.replace("image", ""))) is Verdict.EMPTY


def test_a_text_cut_off_by_max_tokens_is_truncated() -> None:
    assert judge(reading(PROSE, "length")) is Verdict.TRUNCATED


@pytest.mark.parametrize(("share", "is_unsure"), [(None, False), (0.0, False), (0.1, False), (0.11, True), (1.0, True)])
def test_a_text_of_which_its_engine_doubts_more_than_a_tenth_is_unsure(share: float | None, is_unsure: bool) -> None:
    found = Reading(text=PROSE, doubtful_share=share)
    assert judge(found) is (Verdict.UNSURE if is_unsure else Verdict.OK)


def test_what_is_known_to_be_wrong_with_a_text_says_more_than_a_doubt() -> None:
    assert judge(Reading(text=" ", doubtful_share=1.0)) is Verdict.EMPTY
    assert judge(Reading(text=PROSE, finish_reason="length", doubtful_share=1.0)) is Verdict.TRUNCATED
    assert judge(Reading(text=PROSE + "ab" * 200, doubtful_share=1.0)) is Verdict.REPEATING


@given(st.text(max_size=300))
def test_any_text_has_a_verdict_and_no_more_repeated_characters_than_it_has(text: str) -> None:
    assert judge(reading(text)) in Verdict
    assert 0 <= verdict.repeated_chars(text) <= len(text)


@given(st.text(alphabet=st.characters(categories=["L"]), min_size=8, max_size=40), st.integers(60, 80))
def test_a_sequence_repeated_often_enough_counts_as_repetition(sequence: str, times: int) -> None:
    assert verdict.repeated_chars(f"Before it. {f'{sequence} ' * times}")


def test_the_best_reading_is_one_that_is_ok_else_the_one_with_most_text() -> None:
    loop, longer = reading("again and again " * 50), reading(PROSE * 2 + "again and again " * 20)
    cut, good = reading(PROSE * 3 + "It goes on", "length"), reading(PROSE)
    assert verdict.best([loop, longer]) is longer
    assert verdict.best([loop, cut, longer]) is cut
    assert verdict.best([cut, good, loop]) is good
    assert verdict.best([good, reading(PROSE)]) is good


def ask(readings: list[Reading], **options: Any) -> Options | None:
    return next_attempt(readings, Options(**options), max_rereads=2, default_max_tokens=8192)


LOOP = reading("again and again " * 50)


def test_a_repeating_page_is_read_again_with_a_tighter_guard_and_some_chance() -> None:
    first, second = ask([LOOP]), ask([LOOP, LOOP])
    assert first
    assert second
    assert (first.temperature, first.ngram_size, first.window_size) == (0.2, 15, 180)
    assert (second.temperature, second.ngram_size, second.window_size) == (0.4, 8, 360)
    assert first.prompt == Options().prompt


def test_it_is_read_again_only_so_often() -> None:
    assert ask([LOOP, LOOP, LOOP]) is None


def test_a_good_page_is_not_read_again_nor_an_empty_one() -> None:
    assert ask([reading(PROSE)]) is None
    assert ask([reading("")]) is None
    assert ask([Reading(text=PROSE, doubtful_share=1.0)]) is None
    assert ask([LOOP, reading(PROSE)]) is None


def test_a_page_cut_off_is_read_again_unless_its_sender_wanted_it_short() -> None:
    cut = reading(PROSE, "length")
    assert ask([cut]) is not None
    assert ask([cut], max_tokens=100) is None


@given(st.integers(1, 16384), st.integers(1, 16384), st.floats(0, 2), st.integers(1, 5))
def test_whatever_was_asked_for_the_next_try_is_allowed(
    ngram: int, window: int, temperature: float, times: int
) -> None:
    options = Options(ngram_size=ngram, window_size=window, temperature=temperature)
    tried = next_attempt([LOOP] * times, options, max_rereads=9, default_max_tokens=1)
    assert tried
    assert tried.temperature >= temperature
    assert tried.ngram_size <= ngram
    assert tried.window_size >= window
