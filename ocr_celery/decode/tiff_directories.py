"""Reads the directories of a TIFF or BigTIFF, one a page, without a decoder and in bounded time."""

import mmap
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from ocr_celery.errors import PageTooCostly, Unreadable

File = bytes | mmap.mmap
#: the type of an entry, its number of values, and their bytes
Entry = tuple[int, int, bytes]

#: bytes of a value of each type
_TYPE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_INTEGERS = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}
_MAX_COPIED = 4  #: times the file's size: parts may overlap, but not without end
_FIXED_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class TiffLayout:
    """How a file stores numbers and directories."""

    link: struct.Struct  #: an offset
    count: struct.Struct  #: the number of entries
    entry: struct.Struct  #: tag, type, number of values, the values or their offset
    first: int  #: where the offset of the first directory stands
    order: str  #: of bytes, as in `struct`


def layout_of(data: File) -> TiffLayout:
    """The layout of the file that begins with this signature."""
    order = "<" if data[:1] == b"I" else ">"
    if 0x2B in data[2:4]:
        link = struct.Struct(order + "Q")
        return TiffLayout(link, link, struct.Struct(order + "HHQ8s"), 8, order)
    return classic_layout(order)


def classic_layout(order: str) -> TiffLayout:
    """The layout of a TIFF that is no BigTIFF."""
    return TiffLayout(struct.Struct(order + "I"), struct.Struct(order + "H"), struct.Struct(order + "HHI4s"), 4, order)


def find_directories(data: File, most: int) -> list[int]:
    """The offsets of the directories, at most this many. A loop ends them; one that is damaged is the last."""
    layout = layout_of(data)
    seen: dict[int, None] = {}
    try:
        (at,) = layout.link.unpack_from(data, layout.first)
        while at and at not in seen and len(seen) < most:
            seen[at] = None
            (at,) = layout.link.unpack_from(data, directory_end(data, layout, at))
    except (struct.error, OverflowError):
        pass
    return list(seen)


def directory_end(data: File, layout: TiffLayout, at: int) -> int:
    """Where the link to the next directory stands. Raises struct.error or OverflowError."""
    (count,) = layout.count.unpack_from(data, at)
    return at + layout.count.size + layout.entry.size * int(count)


def read_entries(data: File, layout: TiffLayout, at: int, tags: frozenset[int]) -> Iterator[tuple[int, Entry]]:
    """The first entry of each of these tags whose values are there. Raises `Unreadable` or `PageTooCostly`."""
    start, end = at + layout.count.size, directory_end(data, layout, at)
    if end > len(data):
        raise Unreadable
    seen, copied = set(), 0
    for tag, type, count, field in layout.entry.iter_unpack(data[start:end]):
        length = _TYPE_BYTES.get(type, 0) * count
        if tag not in tags or tag in seen or not length:
            continue
        seen.add(tag)
        copied += length
        check_amount(data, copied)
        offset = layout.link.unpack(field)[0] if length > len(field) else 0
        values = data[offset : offset + length] if offset else field[:length]
        if len(values) == length:
            yield tag, (type, count, values)


def values_of(layout: TiffLayout, entry: Entry) -> tuple[int, ...]:
    """The integers of an entry. Raises struct.error for other types."""
    type, count, values = entry
    return struct.unpack(f"{layout.order}{count}{_INTEGERS.get(type, 'x')}", values)


def check_amount(data: File, copied: int) -> None:
    """Raise `PageTooCostly` if the parts of a page are far larger than its file."""
    if copied > _MAX_COPIED * len(data) + _FIXED_BYTES:
        raise PageTooCostly
