"""A body that was compressed on its way, piece by piece and to its very end: one that was cut off is noticed.

urllib3 would hand over what a truncated gzip holds as if it were all.
"""

import zlib
from collections.abc import Iterator
from typing import Any

_PIECE = 64 * 1024  # bytes of what comes out at a time
_GZIP, _RAW = 16 + zlib.MAX_WBITS, -zlib.MAX_WBITS
_GZIP_MAGIC = b"\x1f\x8b"


class Damaged(Exception):
    """The compressed data is none, or ends too early."""


class Inflater:
    """Decompresses gzip (also several in a row) or deflate (with and without its header, as servers have it)."""

    CODINGS = ("gzip", "x-gzip", "deflate")  #: as in a Content-Encoding

    def __init__(self, coding: str) -> None:
        self._gzip = coding != "deflate"
        self._stream: Any = None  # what is being decompressed
        self._begun = self._over = False
        self._held = b""  # too little to begin with

    def feed(self, data: bytes) -> Iterator[bytes]:
        """What comes out for this piece, at most 64 kB at a time. Raises `Damaged`."""
        data, self._held = self._held + data, b""
        has_more = False  # of what it has read, inside zlib
        while (data or has_more) and not self._over:
            if self._stream is None:
                if len(data) < 2:
                    self._held = data
                    return
                if self._begun and not (self._gzip and data.startswith(_GZIP_MAGIC)):
                    self._over = True  # what follows is padding
                    return
                self._stream, self._begun = self._opened(data), True
            try:
                piece = self._stream.decompress(data, _PIECE)
            except zlib.error:
                raise Damaged from None
            if piece:
                yield piece
            has_more = len(piece) == _PIECE
            data = self._stream.unconsumed_tail
            if self._stream.eof:
                data, self._stream, has_more = self._stream.unused_data, None, False

    def _opened(self, data: bytes) -> Any:
        if self._gzip:
            return zlib.decompressobj(_GZIP)
        has_header = data[0] & 15 == 8 and int.from_bytes(data[:2], "big") % 31 == 0
        return zlib.decompressobj(zlib.MAX_WBITS if has_header else _RAW)

    def close(self) -> None:
        """There is no more. Raises `Damaged` where there should be."""
        if self._stream is not None or (self._held and not self._begun):
            raise Damaged
