"""Decompresses a response body piece by piece and detects a truncated one.

urllib3 returns the content of a truncated gzip body as if it were complete.
"""

import zlib
from collections.abc import Iterator
from typing import Any

_PIECE_BYTES = 64 * 1024  # of output at a time
_GZIP, _RAW = 16 + zlib.MAX_WBITS, -zlib.MAX_WBITS
_GZIP_MAGIC = b"\x1f\x8b"


class CorruptData(Exception):
    """The data is not compressed in this format, or is truncated."""


class Inflater:
    """Decompresses gzip (also several members) or deflate (with or without its header, since servers send both)."""

    CODINGS = ("gzip", "x-gzip", "deflate")  #: values of Content-Encoding

    def __init__(self, coding: str) -> None:
        self._gzip = coding != "deflate"
        self._stream: Any = None  # of the current gzip member
        self._started = self._finished = False
        self._pending = b""  # fewer bytes than a header needs

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The output for this input, in pieces of at most 64 kB. Raises `CorruptData`."""
        data, self._pending = self._pending + data, b""
        has_output_left = False  # zlib has more output for the input it has read
        while (data or has_output_left) and not self._finished:
            if self._stream is None:
                if len(data) < 2:
                    self._pending = data
                    return
                if self._started and not (self._gzip and data.startswith(_GZIP_MAGIC)):
                    self._finished = True  # the rest is padding
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
        """The input ended. Raises `CorruptData` if it is truncated."""
        if self._stream is not None or (self._pending and not self._started):
            raise CorruptData
