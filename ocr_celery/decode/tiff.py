"""Reads the pages of a TIFF or BigTIFF one by one: page n is copied into a file of its own, and decoded as an image.

Pillow reaches a page by walking through those before it, and its decoder needs the whole file in memory. A page's own file
holds only what describes its pixels, so that hostile metadata reaches no decoder and a page costs what its pixels cost.
"""

import mmap
import struct
from collections.abc import Iterable
from pathlib import Path

from ocr_celery.decode.tiff_directories import (
    Entry,
    File,
    check_amount,
    classic_layout,
    directory_end,
    find_directories,
    layout_of,
    read_entries,
    values_of,
)
from ocr_celery.errors import TooManyPages, Unreadable

_STRIPS, _STRIP_BYTES, _TILES, _TILE_BYTES = 273, 279, 324, 325
#: the size and form of pixels, their compression, colours and orientation
_KEPT = frozenset(
    {
        *(254, 255, 256, 257, 258, 259, 262, 266, _STRIPS, 274, 277, 278, _STRIP_BYTES, 280, 281, 282, 283, 284),
        *(
            292,
            293,
            296,
            301,
            317,
            318,
            319,
            320,
            322,
            323,
            _TILES,
            _TILE_BYTES,
            332,
            333,
            334,
            336,
            338,
            339,
            340,
            341,
        ),
        *(347, 529, 530, 531, 532),
    }
)
_LONG, _LONG8 = 4, (16, 18)  #: types of numbers
_CLASSIC = 42  #: the version of a TIFF that is no BigTIFF
_COMPRESSION, _OLD_JPEG = 259, 6  #: whose parts are found by further offsets


def count_pages(path: Path, most: int) -> int:
    """The number of pages, at least 1, damaged ones included. Raises `TooManyPages`."""
    with _mapped(path) as data:
        pages = len(find_directories(data, most + 1))
    if pages > most:
        raise TooManyPages(f"The document has more than {most} pages, which is the most that can be read.")
    return max(1, pages)


def extract_page(path: Path, number: int, most: int) -> tuple[bytes, int]:
    """A TIFF of page `number`, from 1, alone, and the number of pages of the file, at most `most`.

    Raises `Unreadable` for a page that is damaged or not there, `PageTooCostly`.
    """
    with _mapped(path) as data:
        directories = find_directories(data, most)
        if not 0 < number <= len(directories):
            raise Unreadable(f"The document has no page {number}.")
        try:
            return _extract(data, directories[number - 1]), len(directories)
        except (struct.error, OverflowError, Unreadable):
            raise Unreadable("The page is damaged or cut off and cannot be decoded.") from None


def _mapped(path: Path) -> mmap.mmap:
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _extract(data: File, at: int) -> bytes:
    layout = layout_of(data)
    entries = dict(read_entries(data, layout, at, _KEPT))
    if _COMPRESSION not in entries or values_of(layout, entries[_COMPRESSION])[0] != _OLD_JPEG:
        return _Copy(data, entries).file()
    whole = bytearray(data)
    layout.link.pack_into(whole, layout.first, at)
    layout.link.pack_into(whole, directory_end(data, layout, at), 0)
    return bytes(whole)


class _Copy:
    """A file of one directory with these entries and the pixels to which they point; never a BigTIFF, being small."""

    def __init__(self, data: File, entries: dict[int, Entry]) -> None:
        self._data, self._entries = data, entries
        self._from = layout_of(data)
        self._layout = layout = classic_layout(self._from.order)
        self._start = (
            layout.first + layout.count.size + layout.entry.size * len(entries) + 2 * layout.link.size
        )  #: of the body
        self._body = bytearray()

    def file(self) -> bytes:
        """The whole file. Raises `PageTooCostly` or struct.error."""
        layout, table = self._layout, bytearray()
        for tag, sizes in ((_STRIPS, _STRIP_BYTES), (_TILES, _TILE_BYTES)):
            if tag in self._entries:
                self._entries[tag] = self._copy_pixels(self._entries[tag], self._entries.get(sizes))
        for tag in sorted(self._entries):
            type, count, values = self._shortened(self._entries[tag])
            table += layout.entry.pack(tag, type, count, self._field(values))
        head = b"".join(
            [self._data[:2], layout.count.pack(_CLASSIC), layout.link.pack(layout.first + layout.link.size)]
        )
        return b"".join([head, layout.count.pack(len(self._entries)), table, layout.link.pack(0), self._body])

    def _shortened(self, entry: Entry) -> Entry:
        """The entry with numbers of 4 bytes in place of 8."""
        type, count, _ = entry
        return (_LONG, count, self._longs(values_of(self._from, entry))) if type in _LONG8 else entry

    def _longs(self, values: Iterable[int]) -> bytes:
        return b"".join(map(self._layout.link.pack, values))

    def _field(self, values: bytes) -> bytes:
        """The values, or the offset of their copy where they have no room in an entry."""
        link = self._layout.link
        if len(values) <= link.size:
            return values.ljust(link.size, b"\0")
        self._body += bytes((self._start + len(self._body)) % 2)
        offset = self._start + len(self._body)
        self._body += values
        return link.pack(offset)

    def _copy_pixels(self, offsets: Entry, sizes: Entry | None) -> Entry:
        """Copy the strips or tiles; returns their new offsets."""
        old = values_of(self._from, offsets)
        lengths = values_of(self._from, sizes) if sizes else ()
        if len(lengths) < len(old) or not any(lengths):  # writers may leave them out
            lengths = (len(self._data),) * len(old)
        copied = []
        for offset, length in zip(old, lengths, strict=False):
            copied.append(self._start + len(self._body) if length and offset else 0)  # 0: a tile that is left out
            self._body += self._data[offset : offset + length] if offset else b""
            check_amount(self._data, len(self._body))
        return _LONG, len(copied), self._longs(copied)
