"""The only way bytes come in: every read, of headers too, ends at one deadline, and all reads together at one size.

A timeout for each read is not enough: a server that sends a byte now and then keeps it from ever ending, and the lines
of headers and chunk sizes have no bound of their own.
"""

import io
import re
import socket
import time
from http.client import HTTPException, HTTPResponse, parse_headers
from typing import Any, cast

from requests import PreparedRequest, Response

from ocr_celery.errors import DownloadTimeout, FileTooLarge
from ocr_celery.fetch.address_policy import Address, AllowList, PinnedAdapter

_OVERHEAD_BYTES = 1 << 20  # bytes allowed for headers and chunk marks on top of the body
_MAX_INTERIM = 100  # answers such as 103 Early Hints before the one that counts
_MAX_LINE_BYTES = 65536  # bytes
_CHUNK_SIZE = re.compile(rb"[ \t]*([0-9A-Fa-f]{1,16})[ \t]*(?:;.*)?\r?\n", re.DOTALL)


class Deadline:
    """A moment after which nothing may be waited for."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def seconds_left(self) -> float:
        """Seconds left, more than 0. Raises `DownloadTimeout` when there are none."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise DownloadTimeout
        return left


class BoundedReader(io.RawIOBase):
    """Reads a connected socket until the deadline or until `most` bytes have come.

    Raises `DownloadTimeout` and `FileTooLarge`, which no library in between mistakes for its own.
    """

    def __init__(self, sock: socket.socket, deadline: Deadline, max_bytes: int) -> None:
        self._sock = sock
        self._raw = cast(io.RawIOBase, sock.makefile("rb", buffering=0))
        self._deadline = deadline
        self._bytes_left = max_bytes

    def readable(self) -> bool:
        """Yes."""
        return True

    def readinto(self, buffer: Any) -> int | None:
        """As of a raw file."""
        self._sock.settimeout(self._deadline.seconds_left())
        try:
            got = self._raw.readinto(buffer)
        except TimeoutError:
            raise DownloadTimeout from None
        self._bytes_left -= got or 0
        if self._bytes_left < 0:
            raise FileTooLarge
        return got

    def close(self) -> None:
        """Lets go of the socket."""
        self._raw.close()
        super().close()


class StrictResponse(HTTPResponse):
    """Reads past interim answers (RFC 9110, 15.2), and takes for the size of a chunk only what is one."""

    def _read_status(self) -> tuple[str, int, str]:
        for _ in range(_MAX_INTERIM):
            version, status, reason = super()._read_status()  # type: ignore[misc]
            if status == 101 or not 100 <= status < 200:  # nobody asked to switch protocols: that is final
                return version, status, reason
            parse_headers(self.fp)
        raise HTTPException("nothing but interim answers")

    def _read_next_chunk_size(self) -> int:
        """Raises ValueError, which http.client takes for a body that breaks off."""
        found = _CHUNK_SIZE.fullmatch(self.fp.readline(_MAX_LINE_BYTES + 1))
        if found is None:
            raise ValueError
        return int(found[1], 16)


class BoundedAdapter(PinnedAdapter):
    """A connection for one request, whose answer comes through a `BoundedReader`."""

    def __init__(
        self, allow: AllowList, deadline: Deadline, *, https: bool, max_bytes: int, address: Address | None = None
    ) -> None:
        """`address`: of the host, where it was resolved already."""
        super().__init__(allow, https=https, address=address)
        self._deadline = deadline
        self._max_bytes = max_bytes

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        """The pool for this request's address, whose connections answer through a `BoundedReader`."""
        pool = super().get_connection_with_tls_context(*args, **kwargs)
        connect = pool.ConnectionCls

        def connection(*args: Any, **kwargs: Any) -> Any:
            made = connect(*args, **kwargs)
            made.response_class = self._make_response
            return made

        pool.ConnectionCls = cast(Any, connection)
        return pool

    def _make_response(self, sock: socket.socket, *args: Any, **kwargs: Any) -> HTTPResponse:
        response = StrictResponse(sock, *args, **kwargs)
        response.fp.close()
        response.fp = io.BufferedReader(BoundedReader(sock, self._deadline, self._max_bytes + _OVERHEAD_BYTES))
        return response

    def get(self, request: PreparedRequest) -> Response:
        """Send the request; its answer's headers have come, its body not. Raises what requests and urllib3 raise."""
        left = self._deadline.seconds_left()
        answer: Response = self.send(request, stream=True, timeout=(left, left), verify=True, proxies={})
        return answer
