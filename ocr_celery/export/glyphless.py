"""The font of invisible text: no outlines, any Unicode character, one PDF font for each plane of Unicode that is used.

The code of a character is its number within its plane, so that an extractor finds the character by a table of 256 ranges at most,
whatever the text is, and nothing has to be remembered of one page for the next.
"""

import struct
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

ASCENT, DESCENT = 800, -200  #: thousandths of the font size, of every character
NAME = "OcrCeleryInvisible"
_NARROW, _WIDE = 500, 1000  #: advance widths, thousandths of the font size
_REMEMBERED = 4096  #: widths of characters
_REPLACEMENT = 0xFFFD
_SURROGATES = range(0xD800, 0xE000)
_ADVANCES = (_NARROW, _NARROW, _WIDE)  #: of the glyphs; the first stands for missing characters
_GLYPH_NARROW, _GLYPH_WIDE = b"\0\1", b"\0\2"
_RANGES_AT_ONCE = 100  #: in one section of a CMap, as its specification allows

#: of the printable ASCII characters: those of the sans serif that most pages resemble (Helvetica)
_ASCII_WIDTHS = (
    *(278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278),
    *(556, 556, 556, 556, 556, 556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556),
    *(1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833, 722, 778),
    *(667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556),
    *(333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556),
    *(556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584),
)
#: East Asian characters that are as wide as they are high
_WIDE_RANGES = (
    *((0x1100, 0x115F), (0x2E80, 0x303E), (0x3041, 0xA4CF), (0xAC00, 0xD7A3)),
    *((0xF900, 0xFAFF), (0xFE30, 0xFE6F), (0xFF00, 0xFF60), (0xFFE0, 0xFFE6)),
)
#: combining marks, joiners, selectors of a variant
_WIDTHLESS_RANGES = ((0x0300, 0x036F), (0x200B, 0x200F), (0xFE00, 0xFE0F))


class Run(NamedTuple):
    """Characters of one plane that follow one another in a text."""

    plane: int  #: 0 to 16
    codes: bytes  #: two bytes each


def visible(text: str) -> str:
    """The text as it can be written: single spaces for all white space, none at its ends, and no control characters."""
    return " ".join("".join(c for c in text if c.isspace() or (ord(c) >= 0x20 and not 0x7F <= ord(c) < 0xA0)).split())


def runs(text: str) -> Iterator[Run]:
    """The text in codes, cut where the plane changes."""
    plane, codes = 0, bytearray()
    for character in text:
        at = ord(character) if ord(character) not in _SURROGATES else _REPLACEMENT
        if at >> 16 != plane and codes:
            yield Run(plane, bytes(codes))
            codes.clear()
        plane = at >> 16
        codes += struct.pack(">H", at & 0xFFFF)
    if codes:
        yield Run(plane, bytes(codes))


def text_width(text: str) -> int:
    """The width of the text in thousandths of the font size."""
    return sum(map(_width, map(ord, text)))


@lru_cache(_REMEMBERED)
def _width(character: int) -> int:
    if 0x20 <= character < 0x7F:
        return _ASCII_WIDTHS[character - 0x20]
    if character > 0xFFFF:
        return _WIDE
    if character < _WIDTHLESS_RANGES[0][0]:
        return _NARROW
    if any(first <= character <= last for first, last in _WIDE_RANGES):
        return _WIDE
    return 0 if any(first <= character <= last for first, last in _WIDTHLESS_RANGES) else _NARROW


def pdf_widths(plane: int) -> list[int | list[int]]:
    """The widths of a plane as the array `W` of a PDF font; others than these have `default_width`."""
    if plane:
        return []
    widths: list[int | list[int]] = [0x20, list(_ASCII_WIDTHS)]
    for ranges, width in ((_WIDE_RANGES, _WIDE), (_WIDTHLESS_RANGES, 0)):
        for first, last in ranges:
            widths += [first, last, width]
    return widths


def default_width(plane: int) -> int:
    """The width of all characters of a plane that are not named, in thousandths of the font size."""
    return _WIDE if plane else _NARROW


def to_unicode(plane: int, rows: Iterable[int]) -> bytes:
    """The CMap that says which characters the codes are. `rows`: the first bytes of the codes that are used.

    A range may differ in its last byte only, hence one for each first byte.
    """
    ranges = [f"<{row:02X}00> <{row:02X}FF> <{_utf16(plane << 16 | row << 8)}>" for row in sorted(set(rows))]
    sections = (ranges[at : at + _RANGES_AT_ONCE] for at in range(0, len(ranges), _RANGES_AT_ONCE))
    body = "\n".join("\n".join([f"{len(part)} beginbfrange", *part, "endbfrange"]) for part in sections)
    return f"{_CMAP_BEGIN}{body}\n{_CMAP_END}".encode()


def _utf16(character: int) -> str:
    return chr(character).encode("utf-16-be", "surrogatepass").hex().upper()


_CMAP_BEGIN = """/CIDInit /ProcSet findresource begin
12 dict begin
begincmap
/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def
/CMapName /Adobe-Identity-UCS def
/CMapType 2 def
1 begincodespacerange
<0000> <FFFF>
endcodespacerange
"""
_CMAP_END = """endcmap
CMapName currentdict /CMap defineresource pop
end
end
"""


def glyph_map(plane: int) -> bytes:
    """The glyph of each code of a plane, two bytes each: the wide one for wide characters."""
    if plane:
        return _GLYPH_WIDE * 0x10000
    glyphs = bytearray(_GLYPH_NARROW * 0x10000)
    for first, last in _WIDE_RANGES:
        glyphs[2 * first : 2 * last + 2] = _GLYPH_WIDE * (last + 1 - first)
    return bytes(glyphs)


def font_program() -> bytes:
    """A TrueType font with a narrow and a wide glyph, each of two single points: its lower left and its upper right corner.

    They draw nothing. A glyph without points would not either, but viewers take the size of what is selected from them.
    """
    narrow, wide = _glyph(_NARROW), _glyph(_WIDE)
    counts = (len(_ADVANCES), 2, 2, 0, 0, 1, *[0] * 8)  # glyphs, points and contours of one, …, zones
    tables = {
        b"glyf": narrow * 2 + wide,
        b"head": _head(),
        b"hhea": struct.pack(
            ">IhhhHhhhhh10xhH", 0x10000, ASCENT, DESCENT, 0, _WIDE, 0, 0, _WIDE, 1, 0, 0, len(_ADVANCES)
        ),
        b"hmtx": b"".join(struct.pack(">Hh", advance, 0) for advance in _ADVANCES),
        b"loca": struct.pack(">4I", *(len(narrow) * glyph for glyph in range(len(_ADVANCES) + 1))),
        b"maxp": struct.pack(">I14H", 0x10000, *counts),
    }
    return _sfnt(tables)


def _glyph(width: int) -> bytes:
    outline = struct.pack(">hhhhh", 2, 0, DESCENT, width, ASCENT)  # two contours and their bounds
    ends, no_instructions, on_curve = struct.pack(">HH", 0, 1), b"\0\0", b"\1\1"
    steps = struct.pack(">hhhh", 0, width, DESCENT, ASCENT - DESCENT)  # from point to point: x, x, y, y
    return _padded(outline + ends + no_instructions + on_curve + steps)


def _head(adjustment: int = 0) -> bytes:
    born = 0  # seconds since 1904: the same font every time
    flags, units, long_offsets = 0b11, 1000, 1
    return struct.pack(
        *(">IIIIHHQQhhhhHHhhh", 0x10000, 0x10000, adjustment, 0x5F0F3CF5, flags, units, born, born),
        *(0, DESCENT, _WIDE, ASCENT, 0, 8, 2, long_offsets, 0),
    )


def _sfnt(tables: dict[bytes, bytes]) -> bytes:
    """The file of these tables, with its checksums."""
    count = len(tables)
    power = count.bit_length() - 1
    head = struct.pack(">IHHHH", 0x10000, count, 16 << power, power, 16 * count - (16 << power))
    offset = len(head) + 16 * count
    directory, body = b"", b""
    for tag, data in sorted(tables.items()):
        directory += struct.pack(">4sIII", tag, _checksum(data), offset + len(body), len(data))
        body += _padded(data)
    adjustment = (0xB1B0AFBA - _checksum(head + directory + body)) & 0xFFFFFFFF
    return head + directory + body.replace(_padded(_head()), _padded(_head(adjustment)), 1)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def _checksum(data: bytes) -> int:
    words: Sequence[int] = struct.unpack(f">{len(_padded(data)) // 4}I", _padded(data))
    return sum(words) & 0xFFFFFFFF
