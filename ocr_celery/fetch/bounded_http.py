"""HTTP with one deadline and one size limit for all reads of a response, its headers included.

A timeout for each read is not enough: a server that sends a byte now and then never reaches it, and header lines and
chunk sizes have no limit of their own.
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

_OVERHEAD_BYTES = 1 << 20  # for headers and chunk sizes, in addition to the body
_MAX_INTERIM = 100  # responses such as 103 Early Hints before the final one
_MAX_LINE_BYTES = 65536
_CHUNK_SIZE = re.compile(rb"[ \t]*([0-9A-Fa-f]{1,16})[ \t]*(?:;.*)?\r?\n", re.DOTALL)


class Deadline:
    """A point in time after which every wait fails."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def seconds_left(self) -> float:
        """Seconds left, more than 0. Raises `DownloadTimeout` if there are none."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise DownloadTimeout
        return left


class BoundedReader(io.RawIOBase):
    """Reads a connected socket, at most until the deadline and at most `max_bytes`.

    Raises `DownloadTimeout` and `FileTooLarge`, which the libraries in between do not catch.
    """

    def __init__(self, sock: socket.socket, deadline: Deadline, max_bytes: int) -> None:
        self._sock = sock
        self._raw = cast(io.RawIOBase, sock.makefile("rb", buffering=0))
        self._deadline = deadline
        self._bytes_left = max_bytes

    def readable(self) -> bool:
        """Always True."""
        return True

    def readinto(self, buffer: Any) -> int | None:
        """Read into the buffer, see `io.RawIOBase`. Raises `DownloadTimeout` and `FileTooLarge`."""
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
        """Release the socket."""
        self._raw.close()
        super().close()


class StrictResponse(HTTPResponse):
    """Skips interim responses (RFC 9110, 15.2), and refuses malformed chunk sizes."""

    def _read_status(self) -> tuple[str, int, str]:
        for _ in range(_MAX_INTERIM):
            version, status, reason = super()._read_status()  # type: ignore[misc]
            if status == 101 or not 100 <= status < 200:  # 101 was not requested, so it is final
                return version, status, reason
            parse_headers(self.fp)
        raise HTTPException("too many interim responses")

    def _read_next_chunk_size(self) -> int:
        """Raises ValueError, which http.client treats as a truncated body."""
        found = _CHUNK_SIZE.fullmatch(self.fp.readline(_MAX_LINE_BYTES + 1))
        if found is None:
            raise ValueError
        return int(found[1], 16)


class BoundedAdapter(PinnedAdapter):
    """Sends one request and reads its response through a `BoundedReader`."""

    def __init__(
        self, allow: AllowList, deadline: Deadline, *, https: bool, max_bytes: int, address: Address | None = None
    ) -> None:
        """`address`: of the host, if it is already resolved."""
        super().__init__(allow, https=https, address=address)
        self._deadline = deadline
        self._max_bytes = max_bytes

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        """The connection pool for the address of this request; its responses use a `BoundedReader`."""
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
        """Send the request and read the response's headers, not its body. Raises what requests and urllib3 raise."""
        left = self._deadline.seconds_left()
        answer: Response = self.send(request, stream=True, timeout=(left, left), verify=True, proxies={})
        return answer
