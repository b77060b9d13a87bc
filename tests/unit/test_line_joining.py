"""Two lines as running text."""

import pytest

from ocr_celery.core.line_joining import is_cjk, join_lines


@pytest.mark.parametrize("character", "漢かア한，々")
def test_scripts_without_spaces_are_cjk(character: str) -> None:
    assert is_cjk(character)


@pytest.mark.parametrize("character", "aÄж9 -")
def test_other_characters_are_not_cjk(character: str) -> None:
    assert not is_cjk(character)


@pytest.mark.parametrize(
    ("first", "second", "together"),
    [
        ("the quick", "brown fox", "the quick brown fox"),
        ("a bro-", "ken word", "a broken word"),
        ("vier-", "über", "vierüber"),
        ("-", "so", "- so"),
        ("Mid-", "Atlantic", "Mid- Atlantic"),
        ("1914-", "bis 1918", "1914- bis 1918"),
        ("第一行", "第二行", "第一行第二行"),
        ("第一行", "second", "第一行 second"),
        ("", "alone", "alone"),
        ("alone", "", "alone"),
    ],
)
def test_two_lines_join_to_running_text(first: str, second: str, together: str) -> None:
    assert join_lines(first, second) == together
