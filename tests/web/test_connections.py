"""The worker's poller receives the heads of requests, within bounds of time and memory."""

import errno
import os
import selectors
import socket
import sys
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from gunicorn.config import Config
from gunicorn.workers.gthread import TConn, ThreadWorker

from tests.testlib.processes import until
from web import connections
from web.connections import HEAD_SECONDS, HeadWorker

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="as the other tests with gunicorn")


class Polling(HeadWorker):
    """The main thread of a worker. `passed`: what a thread would have got."""

    def __init__(self) -> None:
        super().__init__(0, os.getpid(), [], None, 30, Config(), None)
        self.poller = selectors.DefaultSelector()
        self.passed: list[Any] = []
        self.tpool = self

    def submit(self, _handle: object, conn: Any) -> "Polling":
        """As an executor does."""
        self.passed.append(conn)
        return self

    def add_done_callback(self, _callback: object) -> None:
        """As a future does, of a request that never ends."""

    def connect(self, said: bytes = b"") -> socket.socket:
        """The caller's end of a new connection."""
        here, there = socket.socketpair()
        here.sendall(said)
        self.nr_conns += 1
        self.enqueue_req(TConn(self.cfg, there, ("127.0.0.1", 1), ("127.0.0.1", 2)))
        return here

    def turn(self) -> None:
        """One round of the loop."""
        self.wait_for_and_dispatch_events(timeout=0.01)
        self.murder_pending()


@pytest.fixture
def worker() -> Iterator[Polling]:
    worker = Polling()
    yield worker
    for conn in [*worker.waiting, *worker.passed]:
        conn.sock.close()
    worker.poller.close()
    worker.tmp.close()


def closed(sock: socket.socket) -> bool:
    try:
        return sock.recv(1, socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False


def test_a_head_in_pieces_reaches_a_thread_whole(worker: Polling) -> None:
    with worker.connect(b"GET / HT") as caller:
        for piece in (b"TP/1.1\r", b"\n", b"\r", b"\nrest"):
            assert not worker.passed
            caller.sendall(piece)
            worker.turn()
        (conn,) = worker.passed
        assert conn.head.data == b"GET / HTTP/1.1\r\n\r\nrest"
        assert not worker.waiting


def test_a_connection_that_ends_early_is_closed_or_passed_on_with_what_it_sent(worker: Polling) -> None:
    worker.connect().close()
    with worker.connect(b"GET") as caller:
        caller.shutdown(socket.SHUT_WR)
        until(lambda: worker.turn() or worker.nr_conns == 1, what="the silent one is closed")
        until(lambda: worker.turn() or worker.passed, what="the other is passed on")
    assert not worker.waiting


def test_the_first_byte_gives_a_connection_time_for_its_head_and_the_next_ones_give_none(
    worker: Polling, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.monotonic()
    clock = [now]
    monkeypatch.setattr(connections.time, "monotonic", lambda: clock[0])
    with worker.connect() as talking, worker.connect() as silent:
        clock[0] = now + HEAD_SECONDS - 1
        talking.sendall(b"G")
        worker.turn()
        clock[0] = now + HEAD_SECONDS + 1
        talking.sendall(b"E")
        worker.turn()
        assert closed(silent)
        assert not closed(talking)
        clock[0] = now + 2 * HEAD_SECONDS
        worker.turn()
        assert closed(talking)
    assert worker.nr_conns == 0


def test_heads_that_take_too_much_memory_together_cost_the_oldest_its_connection(
    worker: Polling, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "_MAX_HEAD_BYTES", 1000)
    with worker.connect(b"G") as first, worker.connect(b"G") as second, worker.connect(b"G") as third:
        for caller in (second, first, third):
            caller.sendall(b"x" * 400)
            worker.turn()
        assert [closed(caller) for caller in (first, second, third)] == [True, False, False]


def test_a_process_without_file_descriptors_closes_the_oldest_connection(
    worker: Polling, monkeypatch: pytest.MonkeyPatch
) -> None:
    def accept(self: ThreadWorker, listener: object) -> None:
        raise OSError(errno.EMFILE, "too many open files")

    monkeypatch.setattr(ThreadWorker, "accept", accept)
    with worker.connect(b"G") as first, worker.connect(b"G") as second:
        worker.accept(None)
        assert [closed(first), closed(second)] == [True, False]


def test_another_error_of_accept_is_raised(worker: Polling, monkeypatch: pytest.MonkeyPatch) -> None:
    def accept(self: ThreadWorker, listener: object) -> None:
        raise OSError(errno.EINVAL, "invalid")

    monkeypatch.setattr(ThreadWorker, "accept", accept)
    with pytest.raises(OSError, match="invalid"):
        worker.accept(None)


def test_a_connection_that_cannot_be_watched_is_closed(worker: Polling, monkeypatch: pytest.MonkeyPatch) -> None:
    def register(*_: object) -> None:
        raise OSError(errno.ENOSPC, "no space")

    monkeypatch.setattr(worker, "poller", SimpleNamespace(register=register, close=worker.poller.close))
    with worker.connect(b"G") as caller:
        assert closed(caller)
    assert (worker.nr_conns, len(worker.waiting)) == (0, 0)


def test_a_kept_connection_is_closed_once_and_begins_no_request(worker: Polling) -> None:
    with worker.connect(b"GET / HTTP/1.1\r\n\r\n") as caller:
        conn = worker.passed.pop()
        worker.keepalived_conns.append(conn)
        assert worker._close_idlest()
        assert closed(caller)
        worker.on_client_socket_readable(conn, conn.sock)
        assert worker.passed == []
        assert not worker._close_idlest()
