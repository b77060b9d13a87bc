"""What the words of a line say of it, in scripts with and without spaces."""

import pytest

from ocr_celery.engine.rapid.wording import (
    continues,
    continuing_share,
    has_date,
    is_contents,
    is_counted,
    is_figure,
    is_running_text,
)


@pytest.mark.parametrize(
    ("text", "running"),
    [
        ("the words of a sentence", True),
        ("这是一行连续的中文文字", True),
        ("Net income", False),
        ("单位万元", False),
        ("a b c d e f", False),
        ("12 of 345 and 67 of 890 in 2024 or 2025", False),
        ("", False),
    ],
)
def test_several_words_are_running_text(text: str, running: bool) -> None:
    assert is_running_text(text) is running


@pytest.mark.parametrize(
    ("text", "dated"),
    [
        *((text, True) for text in ("09/01/2015 09:52 AM", "on 1.9.15", "2015-09-01", "2015年9月1日", "至2015年 9月")),
        *((text, False) for text in ("1.234.567", "12,50", "2015", "3/4", "1.2-2015", "192.168.10.20", "5年", "")),
    ],
)
def test_a_date_in_digits_is_one(text: str, dated: bool) -> None:
    assert has_date(text) is dated


@pytest.mark.parametrize(
    ("text", "figure"),
    [
        *((text, True) for text in ("1,234.50", "$ 12", "(3.4%)", "09/01/2015", "Q3", "in 2024", "12 kg")),
        *((text, False) for text in ("Table 4", "total", "—", "")),
    ],
)
def test_mostly_digits_are_a_figure(text: str, figure: bool) -> None:
    assert is_figure(text) is figure


@pytest.mark.parametrize(
    ("above", "below", "goes_on"),
    [
        ("a line that ends in the middle", "of its sentence", True),
        ("a line whose last word is bro-", "ken", True),
        ("one sentence ends here.", "another one begins", False),
        ("a line without a full stop", "Another one", False),
        ("apples", "pears", False),
        ("a line that ends in the middle", "", False),
        ("", "of its sentence", False),
    ],
)
def test_a_sentence_without_an_end_goes_on(above: str, below: str, goes_on: bool) -> None:
    assert continues(above, below) is goes_on


def test_empty_texts_do_not_interrupt_a_sentence() -> None:
    assert continuing_share(["a line that ends in the middle", " ", "of its sentence"]) == 1.0
    assert continuing_share([]) == continuing_share(["alone"]) == 0.0


def test_page_numbers_after_dots_are_contents() -> None:
    assert is_contents([["Abstract . .", "Foreword.", "Notation"], ["3", ".5", "..7"]])


def test_figures_that_fall_or_have_no_dots_before_them_are_no_contents() -> None:
    assert not is_contents([["Abstract . .", "Foreword.", "Notation"], ["3", "7", "5"]])
    assert not is_contents([["apples", "pears", "plums"], ["3", "5", "7"]])
    assert not is_contents([["apples .", "pears .", "plums ."], ["cheap", "dear", "dear"]])


def test_numbers_that_rise_by_one_count() -> None:
    assert is_counted(["1", "2", "3", "4"])
    assert is_counted(["(7)", "(8)", "(9)"])
    assert is_counted(["1.", "2.", "3.", "more", "4."])
    assert not is_counted(["1", "5", "2", "9"])
    assert not is_counted(["1", "2"])
    assert not is_counted(["2 pieces", "3 pieces", "4 pieces"])
