"""Bounds the time that a request may take to arrive: a caller who sends a byte a minute would occupy a thread without end.

A large upload gets more time as its bytes arrive, and the clock stands still while a request waits for a page to be read.
"""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from math import inf
from weakref import WeakKeyDictionary, WeakSet

_CHECK_INTERVAL = 0.5  #: seconds
_MIN_ANSWER_SECONDS = (
    10.0  #: seconds within which a caller has to take its answer, at least; one while Redis is down takes some to make
)
_timed_out: "WeakSet[socket.socket]" = WeakSet()
_granted: "WeakKeyDictionary[socket.socket, float]" = WeakKeyDictionary()  # seconds, beyond those of every request


class RequestDeadline:
    """Watches the connections in use. `seconds`: for a request to arrive, and as many more for its answer to be taken."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._started_at: dict[socket.socket, float] = {}
        self._lock = threading.Lock()

    def start(self) -> None:
        """Watch from now on, in a daemon thread."""
        threading.Thread(target=self._run, name="request-deadline", daemon=True).start()

    @contextmanager
    def track(self, sock: socket.socket) -> Iterator[None]:
        """Watch this connection during one request and its answer. Any thread."""
        with self._lock:
            self._started_at[sock] = time.monotonic()
        try:
            yield
        finally:
            with self._lock:
                del self._started_at[sock]
            _granted.pop(sock, None)

    def _run(self) -> None:
        while True:
            time.sleep(_CHECK_INTERVAL)
            self.check(time.monotonic())

    def check(self, now: float) -> None:
        """Close the read side of connections past the deadline, so that a 408 can still be sent; later close both sides."""
        with self._lock:  # no request can end meanwhile, so that none is closed for the one before it
            for sock, started_at in self._started_at.items():
                used = now - started_at - granted(sock)
                if used > self.seconds:
                    _timed_out.add(sock)
                    is_over = used > self.seconds + max(self.seconds, _MIN_ANSWER_SECONDS)
                    with suppress(OSError):  # the caller closed it
                        sock.shutdown(socket.SHUT_RDWR if is_over else socket.SHUT_RD)


def timed_out(sock: socket.socket | None) -> bool:
    """Whether a request on this connection passed its deadline, so that what was read of it is incomplete."""
    return sock in _timed_out


def granted(sock: socket.socket | None) -> float:
    """The seconds that the request on this connection has been granted."""
    return _granted.get(sock, 0.0) if sock is not None else 0.0


def grant(sock: socket.socket | None, seconds: float) -> None:
    """Give the request on this connection more time. Called by the thread that answers it."""
    if sock is not None:
        _granted[sock] = granted(sock) + seconds


@contextmanager
def paused(sock: socket.socket | None) -> Iterator[None]:
    """Inside, no time passes for the request on this connection. Called by the thread that answers it."""
    began, before = time.monotonic(), granted(sock)
    grant(sock, inf)
    try:
        yield
    finally:
        if sock is not None:
            _granted[sock] = before + time.monotonic() - began
