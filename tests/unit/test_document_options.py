"""The options of a task that concern its file."""

from typing import Any

import pytest

from ocr_celery.core.document_options import DocumentOptions, checked_options, read_options
from ocr_celery.core.options import Options
from ocr_celery.errors import BadOption, BadPageRange, OcrError


def test_what_is_not_given_is_all_pages_without_a_password_and_the_text_layer_as_a_fallback() -> None:
    assert read_options({}, Options())[1] == DocumentOptions(page_range="", password=None, text_layer="fallback")


def test_options_of_the_page_and_of_the_file_are_told_apart() -> None:
    page, file = read_options({"prompt": "Free OCR.", "page_range": "2", "text_layer": "prefer"}, Options())
    assert page.prompt.endswith("Free OCR.")
    assert (file.page_range, file.text_layer) == ("2", "prefer")


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"page_range": "0"}, BadPageRange),
        ({"page_range": 5}, BadOption),
        ({"text_layer": "yes"}, BadOption),
        ({"text_layer": ["prefer"]}, BadOption),
        ({"password": 7}, BadOption),
        ({"password": "x" * 1025}, BadOption),
        ({"pages": "1"}, BadOption),
    ],
)
def test_a_wrong_option_is_refused_before_it_is_sent(given: dict[str, Any], error: type[OcrError]) -> None:
    with pytest.raises(error):
        checked_options(given)


def test_a_password_is_not_among_the_options_that_are_sent() -> None:
    sent, password = checked_options({"password": "secret", "page_range": "1", "max_tokens": None})
    assert (sent, password) == ({"page_range": "1"}, "secret")


def test_a_password_in_a_message_is_refused_without_being_repeated() -> None:
    with pytest.raises(BadOption) as refused:
        read_options({"password": "secret"}, Options())
    assert "secret" not in refused.value.message
