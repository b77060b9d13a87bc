"""A request that does not arrive in time is read no further; its caller can still be answered, for a while."""

import socket
import time
from collections.abc import Iterator

import pytest

from tests.testlib.processes import until
from web.request_deadline import RequestDeadline, grant, granted, paused, timed_out

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    """The service's end of a connection, and the caller's."""
    here, there = socket.socketpair()
    there.settimeout(30)
    yield here, there
    here.close()
    there.close()


def test_a_request_in_time_is_left_alone(pair: Pair) -> None:
    here, there = pair
    deadline = RequestDeadline(5)
    with deadline.track(here):
        deadline.check(time.monotonic() + 4)
        there.sendall(b"x")
        assert here.recv(1) == b"x"
        assert not timed_out(here)


def test_a_late_request_is_read_no_further_and_can_be_answered(pair: Pair) -> None:
    here, there = pair
    deadline = RequestDeadline(5)
    with deadline.track(here):
        deadline.check(time.monotonic() + 6)
    assert timed_out(here)
    assert here.recv(1) == b""
    here.sendall(b"HTTP/1.1 408")
    assert there.recv(100) == b"HTTP/1.1 408"


@pytest.mark.parametrize(("seconds", "at_least"), [(2, 10), (60, 60)])
def test_an_answer_that_is_not_taken_ends_after_as_long_again_and_not_before_10_seconds(
    pair: Pair, seconds: float, at_least: float
) -> None:
    here, there = pair
    deadline = RequestDeadline(seconds)
    with deadline.track(here):
        started_at = time.monotonic()
        deadline.check(started_at + seconds + at_least - 1)
        here.sendall(b"x")
        deadline.check(started_at + seconds + at_least + 1)
        with pytest.raises(BrokenPipeError):
            here.sendall(b"x")
    assert there.recv(100) == b"x"
    assert there.recv(100) == b""


def test_a_request_that_has_ended_is_watched_no_longer(pair: Pair) -> None:
    here, there = pair
    deadline = RequestDeadline(5)
    with deadline.track(here):
        pass
    deadline.check(time.monotonic() + 60)
    there.sendall(b"x")
    assert here.recv(1) == b"x"
    assert not timed_out(here)


def test_a_connection_that_is_closed_already_hinders_no_other(pair: Pair) -> None:
    here, _ = pair
    gone, other = socket.socketpair()
    other.close()
    deadline = RequestDeadline(5)
    with deadline.track(gone), deadline.track(here):
        gone.close()
        deadline.check(time.monotonic() + 6)
    assert timed_out(here)


def test_it_watches_by_itself_once_started(pair: Pair) -> None:
    here, _ = pair
    deadline = RequestDeadline(0)
    deadline.start()
    with deadline.track(here):
        until(lambda: timed_out(here), timeout=30, what="the request is past its deadline")


def test_no_connection_is_none_that_timed_out() -> None:
    assert not timed_out(None)


def test_time_that_was_granted_is_added(pair: Pair) -> None:
    here, there = pair
    deadline = RequestDeadline(5)
    with deadline.track(here):
        grant(here, 10)
        grant(here, 10)
        assert granted(here) == 20
        deadline.check(time.monotonic() + 24)
        there.sendall(b"x")
        assert here.recv(1) == b"x"
        deadline.check(time.monotonic() + 26)
        assert here.recv(1) == b""
    assert granted(here) == 0, "the next request on this connection begins anew"


def test_no_time_passes_for_a_request_that_waits(pair: Pair) -> None:
    here, there = pair
    deadline = RequestDeadline(0.05)
    with deadline.track(here):
        entered = time.monotonic()
        with paused(here):
            deadline.check(time.monotonic() + 3600)
            until(lambda: time.monotonic() > entered + 0.1)  # longer than it may take to arrive
        deadline.check(time.monotonic())
        there.sendall(b"x")
        assert here.recv(1) == b"x"
        deadline.check(time.monotonic() + 1)
        assert timed_out(here)


def test_without_a_connection_there_is_no_clock() -> None:
    with paused(None):
        grant(None, 5)
    assert granted(None) == 0
