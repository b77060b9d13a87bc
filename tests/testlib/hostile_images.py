"""Files that are small and keep a decoder busy, or take its memory. Each is made here; none is ever decoded in a test's own
process."""

import base64
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
    """JPEG 2000 of one colour: less than 1 kB for 64 million pixels."""
    return saved(Image.new("RGB", (side, side), "white"), "JPEG2000", **options)


#: `wavelets()` took 6 s to make, and is as good each time: packed, in letters
_WAVELETS = (
    "c-muNVBpCLP*C9IYUg5LU=T?wsVvAUFj4@r8KAT-kj?<oVwo8!MGOq`4q(j8&JI$;z@MC-Q^W{n3NSD*odGIN{_p=kkU<|L1XT<N"
    "XnbaNMn(wwAH=`|6kudvWnp1p{2#+0?BL+x5rB;Tr!c58Fgh2dCYGe8C?r)X_!p$+c?Gz-E0m=c6=&w>DH!RQ>Y4nXzyR_I1CuMz"
    "oXMYmJJo0SgNe7Ce;3+sQUBKRKS~%Va7!3TR7Hd#X8r&Aea#KH7#rJGP*=_WG96rud9^1;-A!M2H=u(5Hvx}~ME3"
)


@cache
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


def webp() -> bytes:
    """A lossless WebP of one colour, of `SIDE`: a gigabyte to decode."""
    return bytes.fromhex("524946461e000000574542505650384c110000002f3fdfcf1707508f22d7a30a8188e87f0000")


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
    "wavelets": lambda: zlib.decompress(base64.b85decode(_WAVELETS)),
    "interlaced png": interlaced_png,
    "webp": webp,
    "tiny chunks": png_of_tiny_chunks,
    "gif that grows": gif_that_grows,
    "strips": tiff_of_strips,
}
