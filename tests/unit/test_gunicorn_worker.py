"""How the facade's server process refuses, keeps and closes connections, without a process."""

import json
import os
import selectors
import socket
import time
from collections.abc import Iterator
from concurrent.futures import Future
from typing import Any

import pytest
from gunicorn.config import Config
from gunicorn.http import errors
from gunicorn.workers.gthread import TConn, ThreadWorker

from web import gunicorn_worker
from web.gunicorn_worker import Worker
from web.headers import SECURITY_HEADERS
from web.request_deadline import RequestDeadline

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def worker() -> Iterator[Worker]:
    worker = Worker(0, os.getpid(), [], None, 30, Config(), None)
    worker.poller = selectors.DefaultSelector()
    worker.deadline = RequestDeadline(60)
    yield worker
    worker.poller.close()
    worker.tmp.close()


@pytest.fixture
def pair() -> Iterator[Pair]:
    """The service's end of a connection, and the caller's."""
    here, there = socket.socketpair()
    there.settimeout(30)
    yield here, there
    here.close()
    there.close()


def received(sock: socket.socket) -> tuple[int, dict[str, str], Any]:
    """The answer on a connection that is closed behind it."""
    data = b""
    while piece := sock.recv(65536):
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    return int(first.split()[1]), dict(line.split(": ", 1) for line in lines), json.loads(body)


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (errors.LimitRequestLine(9000, 4094), 414, "uri_too_long"),
        (errors.LimitRequestHeaders("head"), 431, "headers_too_large"),
        (errors.ExpectationFailed("SECRET"), 417, "expectation_failed"),
        (errors.UnsupportedTransferCoding("SECRET"), 501, "unsupported_transfer_coding"),
        (errors.InvalidRequestLine("SECRET"), 400, "malformed_request"),
        (errors.InvalidResponseHeader("SECRET"), 500, "internal_error"),
        (RuntimeError("SECRET"), 500, "internal_error"),
    ],
)
def test_a_request_that_the_application_never_saw_is_answered_as_others_are(
    worker: Worker, pair: Pair, error: Exception, status: int, code: str
) -> None:
    here, there = pair
    there.shutdown(socket.SHUT_WR)
    worker.handle_error(None, here, ("127.0.0.1", 1), error)
    here.close()
    answered, headers, body = received(there)
    assert (answered, body["code"]) == (status, code)
    assert set(body) == {"detail", "code"}
    assert "SECRET" not in body["detail"]
    assert headers["Connection"] == "close"
    assert len(headers["X-Request-ID"]) == 32
    assert set(SECURITY_HEADERS) <= set(headers.items())


def test_a_refused_caller_may_send_up_to_a_bound_and_is_then_cut_off(
    worker: Worker, pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = pair
    monkeypatch.setattr(gunicorn_worker, "_DRAIN_BYTES", 8192)
    monkeypatch.setattr(gunicorn_worker, "_DRAIN_SECONDS", 30.0)
    there.sendall(b"x" * 20_000)
    worker.handle_error(None, here, ("127.0.0.1", 1), errors.InvalidRequestLine(""))
    here.setblocking(False)
    assert len(here.recv(100_000)) == 20_000 - 8192


def test_a_caller_who_closed_its_connection_is_not_answered(worker: Worker, pair: Pair) -> None:
    here, there = pair
    there.close()
    worker.handle_error(None, here, ("127.0.0.1", 1), errors.InvalidRequestLine(""))


def done(result: Any) -> "Future[Any]":
    future: Future[Any] = Future()
    future.set_result(result)
    return future


def test_a_connection_that_is_not_kept_is_closed_without_waiting_for_its_caller(worker: Worker, pair: Pair) -> None:
    here, there = pair
    worker.nr_conns = 1
    worker.finish_request(TConn(worker.cfg, here, None, None), done(False))
    assert (worker.nr_conns, here.fileno()) == (0, -1)
    assert there.recv(1) == b""


def test_a_connection_that_is_kept_waits_for_its_next_request(worker: Worker, pair: Pair) -> None:
    here, _ = pair
    conn = TConn(worker.cfg, here, None, None)
    conn.init()
    worker.nr_conns = 1
    worker.finish_request(conn, done(True))
    assert list(worker.keepalived_conns) == [conn]
    assert worker.nr_conns == 1


@pytest.mark.parametrize("seconds", [60, -1], ids=["in time", "late"])
def test_a_connection_is_kept_only_if_its_request_arrived_in_time(
    worker: Worker, pair: Pair, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    here, _ = pair
    worker.deadline = RequestDeadline(seconds)

    def handle(self: ThreadWorker, conn: TConn) -> bool:
        worker.deadline.check(time.monotonic())
        return True

    monkeypatch.setattr(gunicorn_worker.HeadWorker, "handle", handle)
    assert worker.handle(TConn(worker.cfg, here, None, None)) is (seconds > 0)


def test_a_worker_that_stops_accepts_what_waits_and_closes_its_listener(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[TConn] = []

    def begin(conn: TConn) -> None:
        worker.accepted += 1
        begun.append(conn)

    monkeypatch.setattr(worker, "enqueue_req", begin)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        worker.sockets = [listener]
        worker.set_accept_enabled(True)
        callers = [socket.create_connection(listener.getsockname()) for _ in range(3)]
        assert listener.fileno() != -1
        worker.alive = False
        worker.set_accept_enabled(False)
        assert listener.fileno() == -1
    assert len(begun) == 3
    for sock in (*callers, *(conn.sock for conn in begun)):
        sock.close()
