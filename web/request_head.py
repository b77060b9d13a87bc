"""The head of a request while it arrives: a thread parses it once it needs to wait for no more of it."""

import re
from socket import socket

from gunicorn.http import errors

MAX_HEAD = 32_768  #: bytes
_CHUNK = 8192  # bytes received at once

#: what a head ends with; or an LF without its CR, which gunicorn refuses at once
_END = re.compile(rb"\n\r\n|(?<!\r)\n")


class Head:
    """What has arrived. `deadline`: the time by which it has to be complete, on the clock of its user."""

    def __init__(self, data: bytes = b"") -> None:
        self.data = bytearray()
        self.deadline = 0.0
        self.decided = False  #: a thread can parse or refuse it, or close the connection, without waiting for more
        self.refused: errors.ParseException | None = None  #: why it is, although it is not complete
        self.add(data)

    def add(self, data: bytes) -> None:
        """Take the next bytes."""
        seen = len(self.data)
        self.data += data
        if self.decided or _END.search(self.data, max(0, seen - 2)):
            self.decided = True
        elif len(self.data) >= MAX_HEAD:
            self.decided = True
            in_fields = b"\n" in self.data
            self.refused = errors.LimitRequestHeaders("head") if in_fields else errors.LimitRequestLine(0, MAX_HEAD)

    def receive(self, sock: socket) -> None:
        """Take what the socket, which does not block, has now."""
        try:
            data = sock.recv(_CHUNK)
        except BlockingIOError:
            return
        except OSError:  # reset
            self.data.clear()
            data = b""
        self.add(data)
        self.decided = self.decided or not data
