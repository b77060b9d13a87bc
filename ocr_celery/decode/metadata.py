"""Removes the metadata of PNG and GIF and counts their frames in bounded time, before decoding (JPEG: `jpeg`, TIFF: `tiff`).

Pillow inflates text chunks and decodes a GIF to count its frames: a small file can take it minutes. None of that is needed
to read a page.
"""

import struct
from zlib import crc32

from ocr_celery.decode.protocol import MAX_PAGES
from ocr_celery.errors import PageTooCostly, Unreadable

MAX_CHUNKS = 100_000  #: of a PNG; encoders write thousands of bytes into each
MAX_BLOCKS = 1_000_000  #: of a GIF; the largest accepted file holds 80,000 full ones of 255 bytes
_KEPT = {b"IHDR", b"PLTE", b"tRNS", b"eXIf", b"IDAT", b"IEND"}


def strip_png(data: bytes) -> tuple[bytes, int]:
    """The same PNG with only the chunks of its image and orientation, and the number of frames it declares.

    Raises `Unreadable` if it is truncated or the checksum of a kept chunk is wrong: Pillow checks neither for the pixels.
    Raises `PageTooCostly` for more chunks than real files have.
    """
    bare, frames, at, chunks = bytearray(data[:8]), 1, 8, 0
    view = memoryview(data)
    kind = b""
    while kind != b"IEND":
        chunks += 1
        if chunks > MAX_CHUNKS:
            raise PageTooCostly
        try:
            length, kind = struct.unpack_from(">I4s", data, at)
            (checksum,) = struct.unpack_from(">I", data, at + 8 + length)
        except struct.error:
            raise Unreadable from None
        if kind in _KEPT:
            if crc32(view[at + 4 : at + 8 + length]) != checksum:
                raise Unreadable
            bare += view[at : at + 12 + length]
        elif kind == b"acTL" and length >= 4:
            (frames,) = struct.unpack_from(">I", data, at + 8)
        at += 12 + length
    return bytes(bare), max(1, min(frames, MAX_PAGES))


def strip_gif(data: bytes) -> tuple[bytes, int]:
    """The same GIF with only its first frame and the transparency of that frame, and the number of frames, at least 1.

    Frames after `MAX_BLOCKS` blocks are not counted. A truncated file stays truncated. Raises `PageTooCostly` if the first
    frame does not end within that many blocks.
    """
    blocks = _Blocks(data)
    start = 13 + _colour_table_size(data[10:11])
    control, first, frames, at = b"", b"", 0, start
    try:
        while frames < MAX_PAGES and data[at] in (_EXTENSION, _PICTURE):
            if data[at] == _EXTENSION:  # a label, then blocks
                end = blocks.skip(at + 2)
                if data[at + 1] == _CONTROL and not first:
                    control = data[at:end]
            else:  # position and size, local colour table, code size, then blocks
                end = blocks.skip(at + 11 + _colour_table_size(data[at + 9 : at + 10]))
                frames += 1
                first = first or data[at:end]
            at = end
    except IndexError:
        first = first or data[at:]
    except _TooManyBlocks:
        if not first:
            raise PageTooCostly from None
    return data[:start] + control + first + b";", max(1, frames)


_EXTENSION, _PICTURE, _CONTROL = 0x21, 0x2C, 0xF9


class _TooManyBlocks(Exception):
    pass


class _Blocks:
    """Skips the data blocks of a GIF, at most `MAX_BLOCKS` in total."""

    def __init__(self, data: bytes) -> None:
        self._data, self._left = data, MAX_BLOCKS

    def skip(self, at: int) -> int:
        """The offset after the blocks that begin at `at`. Raises IndexError if the file ends before."""
        data, left = self._data, self._left
        while size := data[at]:
            at += 1 + size
            left -= 1
            if left < 0:
                raise _TooManyBlocks
        self._left = left
        return at + 1


def _colour_table_size(flags: bytes) -> int:
    """Bytes of the colour table that these flags declare."""
    return 3 << (flags[0] & 7) + 1 if flags and flags[0] & 0x80 else 0
