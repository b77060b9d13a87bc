"""Collects the head of a request; a thread parses it once nothing more has to be waited for."""

import re
from socket import socket

from gunicorn.http import errors

MAX_HEAD = 32_768  #: bytes
_CHUNK = 8192  # bytes read at once

#: the end of a head; or an LF without its CR, which gunicorn refuses at once
_END = re.compile(rb"\n\r\n|(?<!\r)\n")


class Head:
    """The bytes so far. `deadline`: when it has to be complete, on its owner's clock."""

    def __init__(self, data: bytes = b"") -> None:
        self.data = bytearray()
        self.deadline = 0.0
        self.decided = False  #: can be parsed or refused, or its connection closed, without more bytes
        self.refused: errors.ParseException | None = None  #: why, if it is refused before it is complete
        self.add(data)

    def add(self, data: bytes) -> None:
        """Append the next bytes."""
        seen = len(self.data)
        self.data += data
        if self.decided or _END.search(self.data, max(0, seen - 2)):
            self.decided = True
        elif len(self.data) >= MAX_HEAD:
            self.decided = True
            in_fields = b"\n" in self.data
            self.refused = errors.LimitRequestHeaders("head") if in_fields else errors.LimitRequestLine(0, MAX_HEAD)

    def receive(self, sock: socket) -> None:
        """Append what a non-blocking socket has now."""
        try:
            data = sock.recv(_CHUNK)
        except BlockingIOError:
            return
        except OSError:  # reset
            self.data.clear()
            data = b""
        self.add(data)
        self.decided = self.decided or not data
