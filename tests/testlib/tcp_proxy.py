"""A TCP proxy of our own between a process and its Redis, which can do what networks do."""

import re
import socket
import threading
import time
from contextlib import suppress

_PIECE = 65536  # bytes
_COMMAND = re.compile(rb"(?:^|\n)\*\d+\r\n")  # the beginning of one


class Proxy:
    """Listens on a free port and leads to `port` of this machine, until `close`."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = int(self._listener.getsockname()[1])
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.delay = 0.0  #: seconds by which each answer comes later
        self._passing = threading.Event()
        self._passing.set()
        self._refusing = self._closed = False
        self._answers_to_cut = 0
        self._says = b""
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        threading.Thread(target=self._listen, name="proxy", daemon=True).start()

    def cut(self) -> None:
        """Break all connections; whoever comes is turned away until `mend`."""
        self._refusing = True
        self.break_connections()

    def break_connections(self) -> None:
        """Break all connections once."""
        with self._lock:
            for sock in self._open:
                with suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)

    def lead_to(self, port: int) -> None:
        """From now on new connections lead to this port, as where a name has got another address. Others stay."""
        self._target = port

    def swallow(self) -> None:
        """A black hole: connections stay, new ones are made, and nothing goes through in either direction until `mend`.

        What was sent meanwhile arrives then, as TCP's own repetitions do.
        """
        self._passing.clear()

    def cut_answers(self, count: int) -> None:
        """Let half of each of the next answers through and break their connections."""
        self._answers_to_cut = count

    def say(self, error: str) -> None:
        """Answer every command with this error until `mend`; nothing comes through. Connections are broken once before."""
        self._says = f"-{error}\r\n".encode()
        self.break_connections()

    def mend(self) -> None:
        """All is well again."""
        self._refusing, self.delay, self._answers_to_cut, self._says = False, 0.0, 0, b""
        self._passing.set()

    def close(self) -> None:
        self._closed = True
        self._passing.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.break_connections()

    def _listen(self) -> None:
        while not self._closed:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            if self._refusing:
                near.close()
                continue
            threading.Thread(target=self._lead, args=(near,), name="proxied", daemon=True).start()

    def _lead(self, near: socket.socket) -> None:
        try:
            far = socket.create_connection(("127.0.0.1", self._target), timeout=5)
        except OSError:
            near.close()
            return
        far.settimeout(None)
        for sock in (near, far):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._lock:
            self._open |= {near, far}
        back = threading.Thread(target=self._pump, args=(far, near), kwargs={"answers": True}, daemon=True)
        back.start()
        self._pump(near, far, answers=False)
        back.join()
        with self._lock:
            self._open -= {near, far}
        near.close()
        far.close()

    def _pump(self, source: socket.socket, sink: socket.socket, *, answers: bool) -> None:
        with suppress(OSError):
            while data := source.recv(_PIECE):
                if answers and self.delay:
                    time.sleep(self.delay)
                self._passing.wait()
                if answers and self._answers_to_cut > 0:
                    self._answers_to_cut -= 1
                    sink.sendall(data[: len(data) // 2])
                    break
                if self._says and not answers:
                    source.sendall(self._says * len(_COMMAND.findall(data)))
                else:
                    sink.sendall(data)
        for sock in (source, sink):
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
