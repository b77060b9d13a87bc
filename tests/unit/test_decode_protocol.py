from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocr_celery.core.document_info import DocumentInfo
from ocr_celery.decode.protocol import (
    ANSWER,
    MAX_DOCUMENT_PAGES,
    MAX_TEXT_BYTES,
    BadAnswer,
    Operation,
    OutOfMemoryAnswer,
    PageAnswer,
    RefusalAnswer,
    Request,
    pack_document,
    pack_location,
    pack_out_of_memory,
    pack_refusal,
    parse_answer,
    parse_location,
    parse_request,
)
from ocr_celery.errors import TooManyPixels

ASKED = Request(length=100, max_pixels=1_000_000, max_side=1000, memory=5, seconds=2.5)


def test_a_request_comes_as_it_was_sent() -> None:
    assert parse_request(ASKED.pack()) == ASKED


def test_a_page_comes_as_it_was_sent() -> None:
    page = PageAnswer(image_width=100, image_height=50, width=1000, height=500, pages=3)
    assert parse_answer(page.pack(), ASKED) == page
    assert page.length == 15_000


@pytest.mark.parametrize("plausible", [False, True])
@pytest.mark.parametrize("fonts_missing", [False, True])
def test_what_is_said_of_the_text_of_a_page_comes_as_it_was_sent(plausible: bool, fonts_missing: bool) -> None:
    asked = replace(ASKED, operation=Operation.PAGE, number=7, with_text=True)
    assert parse_request(asked.pack()) == asked
    page = PageAnswer(
        image_width=9,
        image_height=9,
        width=9,
        height=9,
        pages=3,
        text_length=500,
        text_plausible=plausible,
        fonts_missing=fonts_missing,
    )
    assert parse_answer(page.pack(), asked) == page


@pytest.mark.parametrize("info", [DocumentInfo(kind="pdf", pages=1), DocumentInfo(kind="tiff", pages=5000)])
def test_what_is_said_of_a_document_comes_as_it_was_sent(info: DocumentInfo) -> None:
    assert parse_answer(pack_document(info), replace(ASKED, operation=Operation.OPEN)) == info


@pytest.mark.parametrize("password", ["", "geheim", "密码", "with\0zero"])
def test_path_and_password_come_as_they_were_sent(password: str) -> None:
    path = Path("/tmp/a file ü.pdf")
    assert parse_location(pack_location(path, password)) == (path, password)


def test_a_password_that_no_keyboard_types_is_only_a_wrong_one() -> None:
    assert parse_location(pack_location(Path("/tmp/a.pdf"), "\ud800")) == (Path("/tmp/a.pdf"), "?")


def test_a_refusal_comes_as_it_was_sent() -> None:
    said = pack_refusal(TooManyPixels("Far too many."))
    found = parse_answer(said[: ANSWER.size], ASKED)
    assert isinstance(found, RefusalAnswer)
    error = found.error(said[ANSWER.size :])
    assert (type(error), error.message) == (TooManyPixels, "Far too many.")
    assert isinstance(parse_answer(pack_out_of_memory(), ASKED), OutOfMemoryAnswer)


@pytest.mark.parametrize(
    "text", [b"SystemExit:x", b"QueueFull:x", b"", b":", b"Unreadable:a\x1b[2J", b"Unreadable:a\nb"]
)
def test_an_error_that_is_none_of_a_file_or_not_a_sentence_is_refused(text: bytes) -> None:
    with pytest.raises(BadAnswer):
        RefusalAnswer(len(text)).error(text)


FIELDS = st.integers(0, 2**32 - 1)
KINDS = st.sampled_from([b"P", b"F", b"T", b"R", b"M", b"x", b"\0"])
ASKS = [replace(ASKED, operation=operation, with_text=text) for operation in Operation for text in (False, True)]


@given(KINDS, st.integers(0, 255), st.tuples(*[FIELDS | st.integers(0, 1100)] * 6), st.sampled_from(ASKS))
def test_no_answer_makes_room_for_more_than_was_asked_for(
    kind: bytes, flags: int, fields: tuple[int, ...], asked: Request
) -> None:
    try:
        found = parse_answer(ANSWER.pack(kind, flags, *fields), asked)
    except BadAnswer:
        return
    assert not isinstance(found, PageAnswer if asked.operation is Operation.OPEN else DocumentInfo)
    if isinstance(found, DocumentInfo):
        assert 0 < found.pages <= MAX_DOCUMENT_PAGES
    elif isinstance(found, PageAnswer):
        assert 0 < found.length <= 3 * asked.max_side**2
        assert found.text_length <= (MAX_TEXT_BYTES if asked.with_text else 0)
        assert 0 < found.width * found.height <= asked.max_pixels
    elif isinstance(found, RefusalAnswer):
        assert found.length <= 400
