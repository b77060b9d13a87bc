"""How long a request may take to arrive.

A thread waits for it meanwhile: callers who send a byte a minute would keep all of them busy for ever.
"""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from weakref import WeakSet

_LOOK = 0.5  #: seconds between two looks
_ANSWER = 10.0  #: seconds within which an answer is taken, at least: one that Redis is away takes some to make
_cut: "WeakSet[socket.socket]" = WeakSet()


class Patience:
    """Watches connections in use. `seconds`: within which a request must be there; its answer is taken in as many more."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._since: dict[socket.socket, float] = {}
        self._changing = threading.Lock()

    def start(self) -> None:
        """Watch from now on, in a thread of its own."""
        threading.Thread(target=self._run, name="patience", daemon=True).start()

    @contextmanager
    def with_(self, sock: socket.socket) -> Iterator[None]:
        """One request and its answer."""
        with self._changing:
            self._since[sock] = time.monotonic()
        try:
            yield
        finally:
            with self._changing:
                del self._since[sock]

    def _run(self) -> None:
        while True:
            time.sleep(_LOOK)
            self.look(time.monotonic())

    def look(self, now: float) -> None:
        """Cut off who takes too long. One who is read from no more may still be answered."""
        with self._changing:  # as long as this is held no request ends, so that none is cut for the one before
            for sock, since in self._since.items():
                if now - since > self.seconds:
                    _cut.add(sock)
                    gone = now - since > self.seconds + max(self.seconds, _ANSWER)
                    with suppress(OSError):  # it has hung up
                        sock.shutdown(socket.SHUT_RDWR if gone else socket.SHUT_RD)


def was_cut(sock: socket.socket | None) -> bool:
    """Whether what came over this connection is not all, as it took too long."""
    return sock in _cut
