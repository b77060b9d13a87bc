"""Bounds the connections of a process, and gives a thread only to those whose request has a complete head.

This builds on undocumented parts of gunicorn 27.0; tests/unit/test_gunicorn_internals.py names them.
"""

import errno
import resource
import time
from collections import OrderedDict
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from selectors import EVENT_READ
from socket import socket
from typing import Any

import structlog
from gunicorn.http import get_parser
from gunicorn.workers.gthread import _DEFER, STOP_KEEPALIVE_LINGER, ThreadWorker

from web.request_head import Head

HEAD_SECONDS = 10.0  #: for the first byte of a request, and as long again for the rest of its head
_MAX_HEAD_BYTES = 32 * 1024 * 1024  # bytes that the incomplete heads of a process take together
_MAX_CONNECTIONS = 10_000  # of one process: each takes some 3 kB
_MAX_FILES = 65_536
_SPARE_FILES = 128  # of a process, for everything but connections of callers

log = structlog.get_logger("web.connections")


def connection_limit(threads: int, waits: int = 0) -> int:
    """Connections that one process may have open; raises its limit of open files as far as the system allows.

    `waits`: further threads, of requests that wait: each opens nothing but a connection to Redis.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MAX_FILES if hard == resource.RLIM_INFINITY else min(hard, _MAX_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(ValueError, OSError):  # macOS allows less than it says
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = _MAX_FILES if soft == resource.RLIM_INFINITY else soft
    most = min(_MAX_CONNECTIONS, files - _SPARE_FILES - 4 * threads - waits)
    return max(2 * threads + waits + 1, most)


class HeadWorker(ThreadWorker):  # type: ignore[misc]
    """gunicorn's worker, whose poller receives the heads of requests. All but `handle` runs in the main thread."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.waiting: OrderedDict[Any, Head] = OrderedDict()  #: by connection, in the order of `deadline`
        self._buffered = 0  # bytes of the heads in `waiting`
        self.accepted = 0  #: connections, ever

    def accept(self, listener: Any) -> None:
        """Accept a connection; near the limit, close the one that has been idle the longest."""
        while self.nr_conns >= self.worker_connections - 1 and self._close_idlest():
            pass
        try:
            super().accept(listener)
        except OSError as exc:
            if exc.errno not in (errno.EMFILE, errno.ENFILE):
                raise
            log.warning("out_of_file_descriptors", connections=self.nr_conns)
            self._close_idlest()

    def enqueue_req(self, conn: Any) -> None:
        """Start a request on a connection that is new, was kept, or sent several requests at once."""
        new = conn.parser is None
        self.accepted += new
        if self.cfg.is_ssl:  # a TLS handshake arrives before the head
            super().enqueue_req(conn)
            return
        conn.head = Head(b"" if new else conn.parser.unreader.take_buffered())
        if new:
            conn.parser = get_parser(self.cfg, conn.sock, conn.client)
            conn.head.receive(conn.sock)
        if conn.head.decided or not new:
            super().enqueue_req(conn)
        else:
            self._await_head(conn)

    def handle(self, conn: Any) -> Any:
        """Handle one request, in a thread, if its head is complete, as it often is once a kept connection is readable."""
        if self.cfg.is_ssl:
            return super().handle(conn)
        head: Head = conn.head
        if not head.decided:
            if conn.sock.gettimeout() != 0:  # the request before came in the same packets
                conn.sock.setblocking(False)
            head.receive(conn.sock)
        if not head.decided:
            return _DEFER
        if head.refused:
            self.handle_error(None, conn.sock, conn.client, head.refused)
        if head.refused or not head.data:
            return False
        conn.parser.unreader.unread(bytes(head.data))
        conn.data_ready = True
        return super().handle(conn)

    def finish_request(self, conn: Any, done: "Future[Any]") -> None:
        """Continue a connection after `handle`: keep it, close it, or wait for more of its head."""
        if self.cfg.is_ssl or done.cancelled() or done.exception() or done.result() is not _DEFER:
            super().finish_request(conn, done)
        else:
            self._await_head(conn)

    def _deadline(self) -> float:
        return time.monotonic() + (HEAD_SECONDS if self.alive else STOP_KEEPALIVE_LINGER)

    def _await_head(self, conn: Any) -> None:
        """Have the poller receive the rest of the head."""
        try:
            self.poller.register(conn.sock, EVENT_READ, partial(self._on_head_readable, conn))
        except OSError as exc:
            log.warning("connection_not_watched", reason=str(exc), connections=self.nr_conns)
            self._close(conn)
            return
        conn.head.deadline = self._deadline()
        self.waiting[conn] = conn.head
        self._buffered += len(conn.head.data)

    def _on_head_readable(self, conn: Any, _: socket) -> None:
        """Receive more of a head, or notice that the caller closed the connection."""
        head = self.waiting.get(conn)
        if head is None:
            return  # closed in the same round of the loop
        before = len(head.data)
        head.receive(conn.sock)
        self._buffered += len(head.data) - before
        if head.decided:
            self._stop_waiting(conn)
            if head.data:
                super().enqueue_req(conn)
            else:
                self._close(conn)
        elif not before:
            head.deadline = self._deadline()
            self.waiting.move_to_end(conn)
        while self._buffered > _MAX_HEAD_BYTES:
            self._close_idlest()

    def _stop_waiting(self, conn: Any) -> None:
        self._buffered -= len(self.waiting.pop(conn).data)
        self.poller.unregister(conn.sock)

    def _close_idlest(self) -> bool:
        """Close the oldest connection with an incomplete head, or else the oldest idle one; False if there is none."""
        if self.waiting:
            conn = next(iter(self.waiting))
            self._stop_waiting(conn)
        elif self.keepalived_conns:
            conn = self.keepalived_conns.popleft()
            conn.evicted = True
            with suppress(OSError, KeyError, ValueError):  # gunicorn failed to register it
                self.poller.unregister(conn.sock)
        else:
            return False
        self._close(conn)
        return True

    def _close(self, conn: Any) -> None:
        self.nr_conns -= 1
        conn.close()

    def on_client_socket_readable(self, conn: Any, client: Any) -> None:
        """Start the next request of a kept connection, unless it was closed in the same round of the loop."""
        if not hasattr(conn, "evicted"):
            super().on_client_socket_readable(conn, client)

    def murder_pending(self) -> None:
        """Close the connections whose head is past its deadline."""
        super().murder_pending()
        now = time.monotonic()
        while self.waiting and next(iter(self.waiting.values())).deadline <= now:
            self._close_idlest()

    def shorten_deadlines(self) -> None:
        """When stopping, wait for heads only as long as for kept connections."""
        latest = time.monotonic() + STOP_KEEPALIVE_LINGER
        for head in self.waiting.values():
            head.deadline = min(head.deadline, latest)
