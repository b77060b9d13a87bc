"""The options of a task that concern its file."""

from typing import Any

import pytest

from ocr_celery.core.document_options import DocumentOptions, checked_options, read_options
from ocr_celery.core.options import Options
from ocr_celery.errors import BadOption, BadPageRange, OcrError
from ocr_celery.message import page_job, read_job


def test_what_is_not_given_is_all_pages_without_a_password_and_the_text_layer_as_a_fallback() -> None:
    assert read_options({}, Options())[1] == DocumentOptions(page_range="", password=None, text_layer="fallback")


def test_options_of_the_page_and_of_the_file_are_told_apart() -> None:
    given = {"prompt": "Free OCR.", "page_range": "2", "text_layer": "prefer", "cache": False}
    page, file = read_options(given, Options())
    assert page.prompt.endswith("Free OCR.")
    assert (file.page_range, file.text_layer, file.cache) == ("2", "prefer", False)


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"page_range": "0"}, BadPageRange),
        ({"page_range": 5}, BadOption),
        ({"text_layer": "yes"}, BadOption),
        ({"text_layer": ["prefer"]}, BadOption),
        ({"password": 7}, BadOption),
        ({"cache": "no"}, BadOption),
        ({"cache": 0}, BadOption),
        ({"password": "x" * 1025}, BadOption),
        ({"pages": "1"}, BadOption),
    ],
)
def test_a_wrong_option_is_refused_before_it_is_sent(given: dict[str, Any], error: type[OcrError]) -> None:
    with pytest.raises(error):
        checked_options(given)


@pytest.mark.parametrize(("given", "cache"), [({}, True), ({"cache": True}, True), ({"cache": False}, False)])
def test_pages_of_a_document_are_read_as_its_sender_says(given: dict[str, Any], cache: bool) -> None:
    job = read_job("ocr.document", [b""], {"prompt": "Free OCR.", "text_layer": "ignore", **given}, Options())
    page = page_job("document", 7, job.page_options(), Options())
    assert (page.options, page.file_options) == (job.options, DocumentOptions(text_layer="ignore", cache=cache))
    assert ("cache" in job.page_options()) is not cache  # workers of an earlier version know no such option


def test_a_password_is_not_among_the_options_that_are_sent() -> None:
    sent, password = checked_options({"password": "secret", "page_range": "1", "max_tokens": None})
    assert (sent, password) == ({"page_range": "1"}, "secret")


def test_a_password_in_a_message_is_refused_without_being_repeated() -> None:
    with pytest.raises(BadOption) as refused:
        read_options({"password": "secret"}, Options())
    assert "secret" not in refused.value.message
