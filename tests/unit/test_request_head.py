"""A thread gets a request when its head is complete, or when no more of it is needed to refuse it."""

import pytest
from gunicorn.http.errors import LimitRequestHeaders, LimitRequestLine

from web.request_head import MAX_HEAD, Head

REQUEST = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"


def complete_after(data: bytes, *, pieces_of: int) -> bool:
    """Whether a head is complete that arrives in pieces of so many bytes."""
    head = Head()
    for start in range(0, len(data), pieces_of):
        head.add(data[start : start + pieces_of])
    return head.decided


@pytest.mark.parametrize("pieces_of", [1, 2, 3, 1000])
@pytest.mark.parametrize("blank", [b"", b"\r\n"], ids=["", "after a blank line"])
def test_a_head_is_complete_with_its_empty_line(blank: bytes, pieces_of: int) -> None:
    assert complete_after(blank + REQUEST, pieces_of=pieces_of)
    assert not complete_after((blank + REQUEST)[:-1], pieces_of=pieces_of)


def test_a_head_without_header_fields_is_complete() -> None:
    assert Head(b"GET / HTTP/1.0\r\n\r\n").decided


def test_a_line_that_ends_without_a_cr_is_refused_without_waiting_for_more() -> None:
    assert complete_after(b"GET / HTTP/1.1\nHost", pieces_of=1)


@pytest.mark.parametrize(
    ("start", "error"), [(b"GET /", LimitRequestLine), (b"GET / HTTP/1.1\r\nA: ", LimitRequestHeaders)]
)
def test_a_head_that_is_too_large_is_refused_before_it_ends(start: bytes, error: type[Exception]) -> None:
    head = Head(start)
    assert head.refused is None
    head.add(b"x" * MAX_HEAD)
    assert isinstance(head.refused, error)


def test_a_large_body_behind_a_complete_head_is_not_counted() -> None:
    assert Head(REQUEST + b"x" * MAX_HEAD).refused is None
