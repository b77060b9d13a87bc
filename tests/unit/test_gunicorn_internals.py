"""The parts of gunicorn that it does not document, and on which web/connections.py and web/gunicorn_worker.py depend.

setup.cfg pins the minor version in which they were read. Where one of these tests fails after an upgrade, read gunicorn's
workers/gthread.py again before changing the pin.
"""

import inspect
import os
import selectors
import socket
from collections import deque
from collections.abc import Callable, Iterator
from importlib.metadata import version
from typing import Any

import pytest
from gunicorn.config import Config
from gunicorn.http import errors, get_parser, wsgi
from gunicorn.http.unreader import Unreader
from gunicorn.workers import gthread
from gunicorn.workers.base import Worker
from gunicorn.workers.gthread import TConn, ThreadWorker

HEAD = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture
def worker() -> Iterator[ThreadWorker]:
    worker = ThreadWorker(0, os.getpid(), [], None, 30, Config(), None)
    worker.poller = selectors.DefaultSelector()
    yield worker
    worker.poller.close()
    worker.tmp.close()


@pytest.fixture
def conn() -> Iterator[TConn]:
    here, there = socket.socketpair()
    here.sendall(HEAD)
    yield TConn(Config(), there, ("127.0.0.1", 1), ("127.0.0.1", 2))
    here.close()
    there.close()


def test_the_version_is_the_one_whose_internals_were_read() -> None:
    assert version("gunicorn").split(".")[:2] == ["27", "0"]


@pytest.mark.parametrize(
    ("method", "parameters"),
    [
        (ThreadWorker.accept, ["self", "listener"]),
        (ThreadWorker.enqueue_req, ["self", "conn"]),
        (ThreadWorker.handle, ["self", "conn"]),
        (ThreadWorker.finish_request, ["self", "conn", "fs"]),
        (ThreadWorker.on_client_socket_readable, ["self", "conn", "client"]),
        (ThreadWorker.murder_pending, ["self"]),
        (ThreadWorker.set_accept_enabled, ["self", "enabled"]),
        (ThreadWorker.init_process, ["self"]),
        (Worker.handle_error, ["self", "req", "client", "addr", "exc"]),
        (TConn.close, ["self", "graceful"]),
        (Unreader.take_buffered, ["self"]),
        (Unreader.unread, ["self", "data"]),
        (get_parser, ["cfg", "source", "source_addr", "http2_connection"]),
    ],
)
def test_what_the_worker_overrides_or_calls_has_these_parameters(
    method: Callable[..., Any], parameters: list[str]
) -> None:
    assert list(inspect.signature(method).parameters) == parameters


def test_a_worker_has_the_attributes_that_ours_counts_and_closes_with(worker: ThreadWorker) -> None:
    assert (worker.nr_conns, worker.alive, worker.sockets) == (0, True, [])
    assert isinstance(worker.keepalived_conns, deque)
    assert isinstance(worker.pending_conns, deque)
    assert worker.worker_connections > 0
    assert not worker.cfg.is_ssl


def test_a_new_connection_has_no_parser_and_one_that_is_given_to_it_is_used(conn: TConn) -> None:
    assert conn.parser is None
    assert conn.data_ready is False
    assert conn.client == ("127.0.0.1", 1)
    assert conn.sock.gettimeout() == 0, "it does not block until a thread has it"
    given = conn.parser = get_parser(conn.cfg, conn.sock, conn.client)
    conn.init()
    assert conn.parser is given


def test_a_head_that_was_received_elsewhere_is_parsed_from_what_is_put_back(conn: TConn) -> None:
    parser = get_parser(conn.cfg, conn.sock, conn.client)
    assert parser.unreader.take_buffered() == b""
    conn.sock.recv(8192)
    parser.unreader.unread(HEAD)
    assert next(parser).method == "GET"


def test_finish_request_closes_keeps_or_defers_by_what_handle_returned(worker: ThreadWorker, conn: TConn) -> None:
    worker.nr_conns = 1
    worker.finish_request(conn, _Done(gthread._DEFER))
    assert list(worker.pending_conns) == [conn]
    worker.poller.unregister(conn.sock)
    conn.parser = get_parser(conn.cfg, conn.sock, conn.client)
    worker.finish_request(conn, _Done(True))
    assert list(worker.keepalived_conns) == [conn]
    assert worker.nr_conns == 1
    worker.poller.unregister(conn.sock)
    conn.sock.shutdown(socket.SHUT_RDWR)
    worker.finish_request(conn, _Done(False))
    assert worker.nr_conns == 0
    assert conn.sock.fileno() == -1


class _Done:
    """A future of `handle`."""

    def __init__(self, result: object) -> None:
        self._result = result

    def result(self) -> object:
        return self._result

    def cancelled(self) -> bool:
        return False


@pytest.mark.parametrize(
    "error",
    [
        errors.LimitRequestLine(0, 1),
        errors.LimitRequestHeaders("head"),
        errors.UnsupportedTransferCoding("x"),
        errors.ExpectationFailed("x"),
    ],
)
def test_what_is_refused_with_a_status_of_its_own_is_a_parse_exception(error: Exception) -> None:
    assert isinstance(error, errors.ParseException)


def test_the_names_that_are_set_or_read_exist() -> None:
    assert wsgi.SERVER
    assert 0 < gthread.STOP_KEEPALIVE_LINGER < 60
    assert issubclass(errors.InvalidResponseHeader, Exception)
    assert issubclass(errors.InvalidResponseHeaderName, Exception)
    assert "gunicorn.socket" in inspect.getsource(wsgi)
    assert "wsgi.input_terminated" in inspect.getsource(wsgi)
