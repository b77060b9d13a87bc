"""What Pillow would spend on a file's metadata, spent here within bounds.

Pillow inflates text chunks, counts the frames of a GIF at leisure and the pages of a TIFF in quadratic time: a small
file can keep it busy for minutes. None of that is needed to read a page.
"""

import struct
from zlib import crc32

from ocr_celery.errors import Unreadable

#: a file of more pages is said to have this many
MOST_PAGES = 10_000
_KEPT = {b"IHDR", b"PLTE", b"tRNS", b"eXIf", b"IDAT", b"IEND"}


def bare_png(data: bytes) -> tuple[bytes, int]:
    """The same PNG with only what makes its picture and its orientation, and how many frames it announces.

    Raises `Unreadable` when it does not reach its end or a checksum of the kept chunks is wrong: Pillow checks
    neither for the pixels themselves.
    """
    bare, frames, at = bytearray(data[:8]), 1, 8
    view = memoryview(data)
    kind = b""
    while kind != b"IEND":
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
    return bytes(bare), max(1, min(frames, MOST_PAGES))


def gif_frames(data: bytes) -> int:
    """How many pictures a GIF holds, its end may be cut off. At least 1."""
    frames = 0
    try:
        at = 13 + _colours(data[10])
        while frames < MOST_PAGES:
            if data[at] == 0x21:  # an extension: its label, then blocks
                at = _after_blocks(data, at + 2)
            elif data[at] == 0x2C:  # a picture: its place and size, its own colours, code size, then blocks
                frames += 1
                at = _after_blocks(data, at + 11 + _colours(data[at + 9]))
            else:
                break
    except IndexError:
        pass
    return max(1, frames)


def _colours(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _after_blocks(data: bytes, at: int) -> int:
    while data[at]:
        at += 1 + data[at]
    return at + 1


def tiff_pages(data: bytes) -> int:
    """How many directories are chained in a TIFF; a chain that loops or leads nowhere ends there. At least 1."""
    order = "<" if data[:1] == b"I" else ">"
    big = 0x2B in data[2:4]
    link, number, entry = (order + "Q", order + "Q", 20) if big else (order + "I", order + "H", 12)
    seen: set[int] = set()
    try:
        (at,) = struct.unpack_from(link, data, 8 if big else 4)
        while at and at not in seen and len(seen) < MOST_PAGES:
            (count,) = struct.unpack_from(number, data, at)
            seen.add(at)
            (at,) = struct.unpack_from(link, data, at + struct.calcsize(number) + entry * count)
    except (struct.error, OverflowError):
        pass
    return max(1, len(seen))
