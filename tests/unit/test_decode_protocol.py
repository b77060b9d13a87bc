import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocr_celery.decode.protocol import (
    ANSWER,
    BadAnswer,
    OutOfMemoryAnswer,
    PageAnswer,
    RefusalAnswer,
    Request,
    pack_out_of_memory,
    pack_refusal,
    parse_answer,
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


@given(st.sampled_from([b"P", b"R", b"M", b"x", b"\0"]), st.tuples(*[FIELDS | st.integers(0, 1100)] * 6))
def test_no_answer_makes_room_for_more_than_was_asked_for(kind: bytes, fields: tuple[int, ...]) -> None:
    try:
        found = parse_answer(struct.pack("!cIIIIII", kind, *fields), ASKED)
    except BadAnswer:
        return
    if isinstance(found, PageAnswer):
        assert 0 < found.length <= 3 * ASKED.max_side**2
        assert 0 < found.width * found.height <= ASKED.max_pixels
    elif isinstance(found, RefusalAnswer):
        assert found.length <= 400
