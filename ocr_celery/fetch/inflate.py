"""A body that was compressed on its way, piece by piece and to its very end: one that was cut off is noticed.

urllib3 would hand over what a truncated gzip holds as if it were all.
"""

import zlib
from collections.abc import Iterator
from typing import Any

_PIECE_BYTES = 64 * 1024  # bytes of what comes out at a time
_GZIP, _RAW = 16 + zlib.MAX_WBITS, -zlib.MAX_WBITS
_GZIP_MAGIC = b"\x1f\x8b"


class CorruptData(Exception):
    """The compressed data is none, or ends too early."""


class Inflater:
    """Decompresses gzip (also several in a row) or deflate (with and without its header, as servers have it)."""

    CODINGS = ("gzip", "x-gzip", "deflate")  #: as in a Content-Encoding

    def __init__(self, coding: str) -> None:
        self._gzip = coding != "deflate"
        self._stream: Any = None  # what is being decompressed
        self._started = self._finished = False
        self._pending = b""  # too little to begin with

    def feed(self, data: bytes) -> Iterator[bytes]:
        """What comes out for this piece, at most 64 kB at a time. Raises `CorruptData`."""
        data, self._pending = self._pending + data, b""
        has_output_left = False  # of what it has read, inside zlib
        while (data or has_output_left) and not self._finished:
            if self._stream is None:
                if len(data) < 2:
                    self._pending = data
                    return
                if self._started and not (self._gzip and data.startswith(_GZIP_MAGIC)):
                    self._finished = True  # what follows is padding
                    return
                self._stream, self._started = self._open_stream(data), True
            try:
                piece = self._stream.decompress(data, _PIECE_BYTES)
            except zlib.error:
                raise CorruptData from None
            if piece:
                yield piece
            has_output_left = len(piece) == _PIECE_BYTES
            data = self._stream.unconsumed_tail
            if self._stream.eof:
                data, self._stream, has_output_left = self._stream.unused_data, None, False

    def _open_stream(self, data: bytes) -> Any:
        if self._gzip:
            return zlib.decompressobj(_GZIP)
        has_header = data[0] & 15 == 8 and int.from_bytes(data[:2], "big") % 31 == 0
        return zlib.decompressobj(zlib.MAX_WBITS if has_header else _RAW)

    def close(self) -> None:
        """There is no more. Raises `CorruptData` where there should be."""
        if self._stream is not None or (self._pending and not self._started):
            raise CorruptData
