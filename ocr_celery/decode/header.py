"""Reads the format and size of a file from its header; ignores its name and content type, and decodes nothing.

It reads only the bytes that hold the size, without an imaging library: those collect all metadata of a file when they open
it, which a hostile file can make arbitrarily slow. Damage in the rest of the file is found by `decode.image`.
"""

import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from io import BytesIO
from typing import BinaryIO

from ocr_celery.decode.other_documents import find_advice
from ocr_celery.errors import DocumentNotSupported, EmptyFile, NotAnImage, TooManyPixels

Size = tuple[int, int]

_PDF_SEARCH_BYTES = 1024  # PDF readers accept this many bytes before the signature
_BOX_SEARCH_BYTES = 256 * 1024  # HEIC, AVIF and JP2 hold their sizes before the coded data
_MAX_SEGMENTS = 4096  # of a JPEG before its size: the largest real ones (depth maps) have some hundreds
_NOT_A_FRAME = {0xC4, 0xC8, 0xCC}  # JPEG markers between SOF0 and SOF15 that start no frame
_ISPE = re.compile(rb"ispe\0\0\0\0(.{8})", re.DOTALL)
_AVIF_BRANDS = {b"avif", b"avis"}
_HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}


@dataclass(frozen=True, slots=True)
class Header:
    """The format and size of an image, or of the first page of a document."""

    format: str  #: JPEG (also for MPO), PNG, WEBP, TIFF, GIF, BMP, HEIF, AVIF, JPEG2000 or PDF
    width: int  #: pixels as stored, before the orientation is applied; 0 for a PDF, which has none
    height: int

    @property
    def is_document(self) -> bool:
        """Whether the file may have several pages, each of them to be read."""
        return self.format in ("PDF", "TIFF")

    @property
    def pixels(self) -> int:
        """Width times height."""
        return self.width * self.height


def read_header(data: bytes | BinaryIO, *, max_pixels: int) -> Header:
    """The header of the file in these bytes, or of this seekable binary file, which is rewound afterwards.

    Raises `EmptyFile`, `NotAnImage`, `DocumentNotSupported` or `TooManyPixels`; no data raises anything else.
    """
    file = BytesIO(data) if isinstance(data, bytes) else data
    try:
        header = _parse_header(file)
    finally:
        file.seek(0)
    check_pixels(header.width, header.height, max_pixels)
    return header


def check_pixels(width: int, height: int, max_pixels: int) -> None:
    """Raise `TooManyPixels` with both numbers if the image is too large."""
    if width * height > max_pixels:
        raise TooManyPixels(
            f"The image has {width} x {height} = {width * height} pixels; this service accepts up to {max_pixels}."
        )


def _parse_header(file: BinaryIO) -> Header:
    start = _read_at(file, 0, _PDF_SEARCH_BYTES)
    if not start:
        raise EmptyFile
    kind = next((kind for kind in _FORMATS if kind[0].match(start)), None)
    if kind is None:
        return _parse_other(start, file)
    _, format, size_of = kind
    if format == "HEIF" and not supports_heif():
        raise NotAnImage
    try:
        width, height = size_of(file)
    except (struct.error, IndexError, OverflowError):  # the file ends inside its header, or points outside itself
        raise NotAnImage from None
    if width < 1 or height < 1:
        raise NotAnImage
    return Header(format, width, height)


def _parse_other(start: bytes, file: BinaryIO) -> Header:
    if b"%PDF-" in start:
        return Header("PDF", 0, 0)
    if advice := find_advice(start, file):
        raise DocumentNotSupported(advice)
    raise NotAnImage


@cache
def supports_heif() -> bool:
    """Whether the optional package pi_heif is installed; without it HEIC files are refused."""
    return find_spec("pi_heif") is not None


def _read_at(file: BinaryIO, offset: int, count: int) -> bytes:
    file.seek(offset)
    return file.read(count)


def _unpack_at(layout: str, file: BinaryIO, offset: int) -> tuple[int, ...]:
    return struct.unpack(layout, _read_at(file, offset, struct.calcsize(layout)))


def _png(file: BinaryIO) -> Size:
    width, height = _unpack_at(">II", file, 16)
    return width, height


def _gif(file: BinaryIO) -> Size:
    width, height = _unpack_at("<HH", file, 6)
    return width, height


def _bmp(file: BinaryIO) -> Size:
    (info,) = _unpack_at("<I", file, 14)
    width, height = _unpack_at("<HH" if info == 12 else "<ii", file, 18)
    return width, abs(height)  # a negative height means that rows are stored from the top


def _jpeg(file: BinaryIO) -> Size:
    at = 2
    for _ in range(_MAX_SEGMENTS):
        head = _read_at(file, at, 32)
        body = head.lstrip(b"\xff")  # any number of fill bytes may stand before a marker
        at += len(head) - len(body)
        marker = body[0]
        if head[0] != 0xFF or marker in (0xD9, 0xDA):  # junk, or the end before any frame
            break
        (length,) = struct.unpack_from(">H", body, 1)
        if 0xC0 <= marker <= 0xCF and marker not in _NOT_A_FRAME:
            height, width = struct.unpack_from(">HH", body, 4)
            return width, height
        at += 1 + length
    raise NotAnImage


def _webp(file: BinaryIO) -> Size:
    head = _read_at(file, 0, 30)
    if head[12:16] == b"VP8 " and head[23:26] == b"\x9d\x01\x2a":
        width, height = struct.unpack_from("<HH", head, 26)
        return width & 0x3FFF, height & 0x3FFF
    if head[12:16] == b"VP8L" and head[20] == 0x2F:
        (bits,) = struct.unpack_from("<I", head, 21)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if head[12:16] == b"VP8X" and len(head) == 30:
        return int.from_bytes(head[24:27], "little") + 1, int.from_bytes(head[27:30], "little") + 1
    raise NotAnImage


def _tiff(file: BinaryIO) -> Size:
    order = "<" if _read_at(file, 0, 1) == b"I" else ">"
    big = 0x2B in _read_at(file, 2, 2)
    (start,) = _unpack_at(order + "Q", file, 8) if big else _unpack_at(order + "I", file, 4)
    (count,) = _unpack_at(order + "Q", file, start) if big else _unpack_at(order + "H", file, start)
    entry = struct.Struct(order + ("HHQ8s" if big else "HHI4s"))
    table = _read_at(file, start + (8 if big else 2), entry.size * min(count, 65535))
    found: dict[int, int] = {}
    for tag, kind, _, value in entry.iter_unpack(table[: len(table) // entry.size * entry.size]):
        layout = {3: "H", 4: "I", 16: "Q"}.get(kind)
        if tag in (256, 257) and layout and (big or layout != "Q"):
            found.setdefault(tag, struct.unpack_from(order + layout, value)[0])
    return found.get(256, 0), found.get(257, 0)


def _jp2(file: BinaryIO) -> Size:
    head = _read_at(file, 0, _BOX_SEARCH_BYTES)
    if head[:4] == b"\xff\x4f\xff\x51":  # a bare codestream
        right, bottom, left, top = struct.unpack_from(">IIII", head, 8)
        return right - left, bottom - top
    height, width = struct.unpack_from(">II", head, head.index(b"ihdr") + 4 if b"ihdr" in head else len(head))
    return width, height


def _heif(file: BinaryIO) -> Size:
    # Tiles, thumbnails and alpha planes also have a size: the image is the largest.
    sizes = [struct.unpack(">II", found) for found in _ISPE.findall(_read_at(file, 0, _BOX_SEARCH_BYTES))]
    return max(sizes, key=lambda size: size[0] * size[1], default=(0, 0))


def _brand(brands: set[bytes]) -> re.Pattern[bytes]:
    return re.compile(rb".{4}ftyp(?:" + b"|".join(sorted(brands)) + rb")", re.DOTALL)


_FORMATS: tuple[tuple[re.Pattern[bytes], str, Callable[[BinaryIO], Size]], ...] = (
    (re.compile(rb"\xff\xd8\xff"), "JPEG", _jpeg),
    (re.compile(rb"\x89PNG\r\n\x1a\n.{4}IHDR", re.DOTALL), "PNG", _png),
    (re.compile(rb"RIFF.{4}WEBPVP8[ LX]", re.DOTALL), "WEBP", _webp),
    (re.compile(rb"II[*+]\0|MM\0[*+]"), "TIFF", _tiff),
    (re.compile(rb"GIF8[79]a"), "GIF", _gif),
    (re.compile(rb"BM.{12}[\x0c\x28\x34\x38\x40\x6c\x7c]\0\0\0", re.DOTALL), "BMP", _bmp),
    # "mif1" means any HEIF; the compatible brands name the codec.
    (re.compile(rb".{4}ftypm[is]f1.{4}(?:.{4}){0,8}?avi[fs]", re.DOTALL), "AVIF", _heif),
    (_brand(_AVIF_BRANDS), "AVIF", _heif),
    (_brand(_HEIF_BRANDS), "HEIF", _heif),
    (re.compile(rb"\0\0\0\x0cjP  \r\n\x87\n|\xff\x4f\xff\x51"), "JPEG2000", _jp2),
)
