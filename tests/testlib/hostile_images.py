"""Files that are small and keep a decoder busy, or take its memory. Each is made here; none is ever decoded in a test's own
process."""

import io
import struct
import zlib
from collections.abc import Callable
from functools import cache

from PIL import Image

SIDE = 8000  #: pixels


def saved(image: Image.Image, format: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def _segment(marker: int, body: bytes = b"") -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


@cache
def _small_jpeg() -> bytes:
    return saved(Image.new("RGB", (50, 50), "white"), "JPEG")


def _behind_frame(segments: bytes) -> bytes:
    """A JPEG with these segments between its frame and its scan."""
    data = _small_jpeg()
    at = data.index(b"\xff\xda")
    return data[:at] + segments + data[at:]


def scans(count: int = 3000, side: int = SIDE) -> bytes:
    """A progressive JPEG with many scans that say nothing; each is a pass over the whole picture."""
    data = saved(Image.new("L", (side, side), 255), "JPEG", progressive=True, quality=1)
    at = data.rindex(b"\xff\xda")
    return data[:-2] + data[at:-2] * count + b"\xff\xd9"


def exif_behind_frame(megabytes: float = 4) -> bytes:
    """Exif segments behind the frame header, which Pillow joins one by one."""
    return _behind_frame(_segment(0xE1, b"Exif\0\0" + bytes(8)) * int(megabytes * 2**20 / 18))


def exif_in_front(megabytes: float = 16) -> bytes:
    """The same in front of it, as many as a header may have."""
    data, count = _small_jpeg(), 4000
    body = b"Exif\0\0" + bytes(int(megabytes * 2**20 / count))
    return data[:2] + _segment(0xE1, body) * count + data[2:]


def empty_segments(count: int = 4_000_000) -> bytes:
    """Application segments of nothing, each an entry of a list."""
    return _behind_frame(_segment(0xE5) * count)


def comments(count: int = 3_000_000) -> bytes:
    """The same with comments."""
    return _behind_frame(_segment(0xFE) * count)


def gif_comment(blocks: int = 8_000_000) -> bytes:
    """A GIF's comment in blocks of a byte, in front of its picture."""
    data = saved(Image.new("P", (50, 50)), "GIF")
    at = data.index(b",", 13 + (3 << (data[10] & 7) + 1 if data[10] & 0x80 else 0))
    return data[:at] + b"!\xfe" + b"\x01x" * blocks + b"\0" + data[at:]


def wavelets(side: int = SIDE, **options: object) -> bytes:
    """JPEG 2000 of one colour: 2 kB for 64 million pixels."""
    return saved(Image.new("RGB", (side, side), "white"), "JPEG2000", **options)


def interlaced_png(side: int = SIDE) -> bytes:
    """An interlaced PNG of 16 bits a channel."""
    header = struct.pack(">IIBBBBB", side, side, 16, 6, 0, 0, 1)
    packer, body = zlib.compressobj(1), []
    for left, top, across, down in _ADAM7:
        columns, rows = -(-(side - left) // across), -(-(side - top) // down)
        body += [packer.compress(bytes(1 + 8 * columns)) for _ in range(rows)]
    body.append(packer.flush())
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", b"".join(body)) + _chunk(b"IEND", b"")


_ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]


def webp(side: int = SIDE) -> bytes:
    """A lossless WebP of one colour: 38 bytes, and a gigabyte to decode."""
    return saved(Image.new("RGBA", (side, side), (200, 30, 30, 10)), "WEBP", lossless=True, quality=0, method=0)


def png_of_tiny_chunks(count: int = 1_000_000) -> bytes:
    """A PNG whose data comes in chunks of nothing."""
    data = saved(Image.new("L", (50, 50)), "PNG")
    at = data.index(b"IDAT") - 4
    return data[:at] + _chunk(b"IDAT", b"") * count + data[at:]


def gif_that_grows(side: int = SIDE) -> bytes:
    """A GIF that says it is a pixel large; its first picture is not, and is drawn from a code of one colour."""
    big = saved(Image.new("P", (side, side)), "GIF")
    return big[:6] + struct.pack("<HH", 1, 1) + big[10:]


def tiff_of_strips(side: int = SIDE) -> bytes:
    """A TIFF in strips of one row each, packed."""
    return saved(Image.new("RGB", (side, side)), "TIFF", compression="tiff_deflate", strip_size=1)


#: as they were found (Attack A5 and A6), and others like them
BOMBS: dict[str, Callable[[], bytes]] = {
    "scans": scans,
    "exif behind the frame": exif_behind_frame,
    "exif in front": exif_in_front,
    "empty segments": empty_segments,
    "comments": comments,
    "gif comment": gif_comment,
    "wavelets": wavelets,
    "interlaced png": interlaced_png,
    "scans just below the bound": lambda: scans(120),
    "wavelets of one level": lambda: wavelets(num_resolutions=1),
    "webp": webp,
    "tiny chunks": png_of_tiny_chunks,
    "gif that grows": gif_that_grows,
    "strips": tiff_of_strips,
}
