"""A caller who has hung up is noticed without reading what it sent."""

import fcntl
import resource
import socket
from collections.abc import Iterator

import pytest

from web.waiting import WaitingRequests, has_hung_up

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    """The service's end of a connection, and the caller's."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        there = socket.create_connection(listener.getsockname())
        here, _ = listener.accept()
    yield here, there
    here.close()
    there.close()


def test_a_caller_who_waits_is_there(pair: Pair) -> None:
    assert not has_hung_up(pair[0])


def test_a_caller_who_sent_the_next_request_is_there_and_nothing_of_it_is_lost(pair: Pair) -> None:
    here, there = pair
    there.sendall(b"GET /")
    assert not has_hung_up(here)
    assert here.recv(10) == b"GET /"


@pytest.mark.parametrize("sent", [b"", b"GET /"])
def test_a_caller_who_closed_the_connection_is_gone(pair: Pair, sent: bytes) -> None:
    here, there = pair
    there.sendall(sent)
    there.close()
    assert has_hung_up(here) or sent  # macOS tells only once what was sent has been read


def test_a_connection_that_broke_or_is_closed_here_is_gone(pair: Pair) -> None:
    here, there = pair
    there.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    there.close()
    assert has_hung_up(here)
    here.close()
    assert has_hung_up(here)


def test_a_descriptor_above_1024_is_asked_too(pair: Pair) -> None:
    here, there = pair
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    high = socket.socket(fileno=fcntl.fcntl(here.fileno(), fcntl.F_DUPFD, 1500))
    with high:
        assert high.fileno() >= 1500
        assert not has_hung_up(high)
        there.close()
        assert has_hung_up(high)


def test_without_a_server_nobody_hangs_up() -> None:
    assert not has_hung_up(None)


def test_a_permit_is_given_back_once() -> None:
    requests = WaitingRequests(1)
    permit = requests.acquire(None)
    assert permit is not None
    assert permit.go_on()
    assert requests.acquire(None) is None
    permit.release()
    permit.release()
    assert requests.acquire(None) is not None
    assert requests.acquire(None) is None


def test_a_process_that_stops_gives_no_permit_and_lets_nobody_wait() -> None:
    requests, woken = WaitingRequests(2), list[bool]()
    permit = requests.acquire(None)
    assert permit is not None
    requests.stop(lambda: woken.append(requests.stopping.is_set()))
    assert woken == [True]
    assert not permit.go_on()
    assert requests.acquire(None) is None
