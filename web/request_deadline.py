"""How long a request may take to arrive.

A thread waits for it meanwhile: callers who send a byte a minute would keep all of them busy for ever.
"""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from weakref import WeakSet

_CHECK_INTERVAL = 0.5  #: seconds between two looks
_MIN_ANSWER_SECONDS = (
    10.0  #: seconds within which an answer is taken, at least: one that Redis is away takes some to make
)
_timed_out: "WeakSet[socket.socket]" = WeakSet()


class RequestDeadline:
    """Watches connections in use. `seconds`: within which a request must be there; its answer is taken in as many more."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._started_at: dict[socket.socket, float] = {}
        self._lock = threading.Lock()

    def start(self) -> None:
        """Watch from now on, in a thread of its own."""
        threading.Thread(target=self._run, name="request-deadline", daemon=True).start()

    @contextmanager
    def track(self, sock: socket.socket) -> Iterator[None]:
        """One request and its answer."""
        with self._lock:
            self._started_at[sock] = time.monotonic()
        try:
            yield
        finally:
            with self._lock:
                del self._started_at[sock]

    def _run(self) -> None:
        while True:
            time.sleep(_CHECK_INTERVAL)
            self.check(time.monotonic())

    def check(self, now: float) -> None:
        """Cut off who takes too long. One who is read from no more may still be answered."""
        with self._lock:  # as long as this is held no request ends, so that none is cut for the one before
            for sock, started_at in self._started_at.items():
                if now - started_at > self.seconds:
                    _timed_out.add(sock)
                    is_over = now - started_at > self.seconds + max(self.seconds, _MIN_ANSWER_SECONDS)
                    with suppress(OSError):  # it has hung up
                        sock.shutdown(socket.SHUT_RDWR if is_over else socket.SHUT_RD)


def timed_out(sock: socket.socket | None) -> bool:
    """Whether what came over this connection is not all, as it took too long."""
    return sock in _timed_out
