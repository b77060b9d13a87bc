"""What the recogniser's confidence in its lines makes of a page."""

import pytest

from ocr_celery.engine.rapid.confidence import doubtful_share, is_noise


@pytest.mark.parametrize(
    ("text", "confidence", "noise"), [("a", 0.5, False), ("a", 0.49, True), (" \u3000", 0.99, True)]
)
def test_what_has_little_confidence_or_no_character_is_noise(text: str, confidence: float, noise: bool) -> None:
    assert is_noise((text, confidence)) is noise


def test_a_long_line_counts_more_than_a_short_one_and_blanks_do_not_count() -> None:
    assert doubtful_share([("a b c", 0.8), ("abcdefg", 0.99)]) == pytest.approx(0.3)


def test_what_is_left_out_as_noise_is_doubtful_too() -> None:
    assert doubtful_share([("?#", 0.2), ("abcdef", 0.99)]) == pytest.approx(0.25)


def test_a_page_without_lines_has_nothing_doubtful() -> None:
    assert doubtful_share([]) == 0
    assert doubtful_share([(" ", 0.1)]) == 0
