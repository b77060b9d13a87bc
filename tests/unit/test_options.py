"""Reading options and prompts: what is accepted, what is refused in which words, and what reaches the engine."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocr_celery.core.options import MAX_PROMPT, NAMES, Options, checked_options
from ocr_celery.core.prompts import FREE_OCR, IMAGE_TOKEN, MARKDOWN, normalise, wants_blocks
from ocr_celery.errors import BadOption

LIMITS = [("temperature", 0, 2), ("max_tokens", 1, 16384), ("ngram_size", 1, 16384), ("window_size", 1, 16384)]


def refusal(**given: Any) -> str:
    with pytest.raises(BadOption) as refused:
        Options(**given)
    return refused.value.message


# -- one option ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "low", "high"), LIMITS)
def test_both_ends_of_a_range_are_accepted_and_what_is_beyond_is_refused(name: str, low: int, high: int) -> None:
    for value in (low, high):
        assert getattr(Options(**{name: value}), name) == value
    for value in (low - 1, high + 1, low - 0.001, high + 0.001):
        assert refusal(**{name: value}).startswith(f"{name}: must be ")


@pytest.mark.parametrize(("name", "low", "high"), LIMITS)
@pytest.mark.parametrize("value", [True, False, "1", "", None, [1], {}, b"1", 1j, math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_refused_with_the_range_that_is_expected(
    name: str, low: int, high: int, value: object
) -> None:
    kind = "a number" if name == "temperature" else "a whole number"
    assert refusal(**{name: value}) == f"{name}: must be {kind} between {low} and {high}."


@pytest.mark.parametrize("name", ["max_tokens", "ngram_size", "window_size"])
@pytest.mark.parametrize("value", [8.0, 8.5])
def test_a_count_of_tokens_is_a_whole_number(name: str, value: float) -> None:
    assert refusal(**{name: value}) == f"{name}: must be a whole number between 1 and 16384."


@pytest.mark.parametrize("prompt", [None, 5, b"Free OCR.", ["Free OCR."], "x" * (MAX_PROMPT + 1)])
def test_a_prompt_is_a_string_of_bounded_length(prompt: Any) -> None:
    assert refusal(prompt=prompt) == "prompt: must be a string of at most 8192 characters."
    assert len(Options(prompt="x" * MAX_PROMPT).prompt) == len(f"{IMAGE_TOKEN}\n") + MAX_PROMPT


def test_the_first_wrong_option_is_named() -> None:
    assert refusal(max_tokens=0, ngram_size=0).startswith("max_tokens: ")


# -- several together ----------------------------------------------------------------------------------------------------


def test_given_options_replace_the_defaults_and_leave_the_others() -> None:
    defaults = Options(max_tokens=100, temperature=0.5)
    assert defaults.updated({"temperature": 1, "ngram_size": None}) == Options(max_tokens=100, temperature=1)
    assert defaults == Options(max_tokens=100, temperature=0.5)


def test_an_unknown_option_is_named_together_with_those_that_exist() -> None:
    with pytest.raises(BadOption) as refused:
        Options().updated({"temprature": 1, "zoom": 2})
    assert refused.value.message == (
        "temprature: no such option; the options are max_tokens, ngram_size, prompt, temperature, window_size."
    )


def test_checked_options_hold_only_what_the_caller_gave() -> None:
    assert checked_options({}) == {}
    assert checked_options({"max_tokens": 8, "temperature": None}) == {"max_tokens": 8}
    assert checked_options({"prompt": "Free OCR."}) == {"prompt": FREE_OCR}


@pytest.mark.parametrize("given", [{"max_tokens": 0}, {"zoom": 1}, {"zoom": None}])
def test_checked_options_refuse_what_is_wrong_or_unknown(given: dict[str, Any]) -> None:
    with pytest.raises(BadOption):
        checked_options(given)


valid = st.fixed_dictionaries(
    {},
    optional={
        "prompt": st.text(max_size=50).filter(lambda text: IMAGE_TOKEN not in text),
        "temperature": st.floats(0, 2) | st.integers(0, 2),
        **dict.fromkeys(("max_tokens", "ngram_size", "window_size"), st.integers(1, 16384)),
    },
)


@given(valid, valid)
def test_options_survive_their_way_as_a_dictionary(given: dict[str, Any], others: dict[str, Any]) -> None:
    options = Options(**given)
    assert Options(**options.as_dict()) == options
    assert Options(**others).updated(options.as_dict()) == options
    assert set(options.as_dict()) == set(NAMES)


@given(valid)
def test_a_receiver_with_the_same_defaults_reads_checked_options_as_the_sender_did(given: dict[str, Any]) -> None:
    assert Options().updated(checked_options(given)) == Options().updated(given)


# -- prompts -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("prompt", "sent"),
    [
        ("", "<image>\n"),
        ("Free OCR.", "<image>\nFree OCR."),
        ("<image>\nFree OCR.", "<image>\nFree OCR."),
        ("Before <image> after", "Before <image> after"),
        ("<image>\\nFree\\nOCR.", "<image>\nFree\nOCR."),
        ("<IMAGE_TOKEN>", "<image>\n<IMAGE_TOKEN>"),
    ],
)
def test_a_prompt_has_one_image_and_real_newlines(prompt: str, sent: str) -> None:
    assert normalise(prompt) == sent


def test_a_prompt_with_two_images_is_refused_because_a_task_is_one_page() -> None:
    assert refusal(prompt="<image><image>") == "prompt: <image> may occur only once, because a task is one page."


@given(st.text().filter(lambda text: text.count(IMAGE_TOKEN) < 2))
def test_a_normalised_prompt_is_not_changed_again(prompt: str) -> None:
    once = normalise(prompt)
    assert once.count(IMAGE_TOKEN) == 1
    assert normalise(once) == once


def test_the_prompt_says_whether_the_answer_has_blocks() -> None:
    assert wants_blocks(MARKDOWN)
    assert wants_blocks(normalise("<|grounding|>OCR this image."))
    assert not wants_blocks(FREE_OCR)
