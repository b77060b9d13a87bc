"""PDF and TIFF files that a decoder must survive: few bytes that ask for much time or memory, and files that lie.

Each is made when it is asked for: some are megabytes.
"""

import hashlib
import struct
import zlib
from collections.abc import Callable, Sequence

CATALOG = b"<</Type/Catalog/Pages 2 0 R>>"
ONE_PAGE = b"<</Type/Pages/Kids[3 0 R]/Count 1>>"
LINE = b"100 400 m 500 400 l 20 w S"
_MEGABYTE = 1 << 20


def pdf(*objects: bytes) -> bytes:
    """A PDF of these objects, numbered from 1; the first is the catalog."""
    body, places = bytearray(b"%PDF-1.7\n"), []
    for number, content in enumerate(objects, 1):
        places.append(len(body))
        body += b"%d 0 obj\n%b\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    size, start = len(objects) + 1, len(body)
    return bytes(body) + (
        b"xref\n0 %d\n0000000000 65535 f \n%btrailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF"
        % (size, table, size, start)
    )


def stream(data: bytes, entries: bytes = b"") -> bytes:
    """A stream object."""
    return b"<<%b/Length %d>>stream\n%b\nendstream" % (entries, len(data), data)


def page(resources: bytes = b"", *, box: bytes = b"0 0 595 842", more: bytes = b"") -> bytes:
    """A page whose content is object 4."""
    return b"<</Type/Page/Parent 2 0 R/MediaBox[%b]/Contents 4 0 R/Resources<<%b>>%b>>" % (box, resources, more)


def one_page(content: bytes = LINE, *objects: bytes, resources: bytes = b"", box: bytes = b"0 0 595 842") -> bytes:
    """A PDF of one page with this content; `objects` are numbered from 5."""
    return pdf(CATALOG, ONE_PAGE, page(resources, box=box), stream(content), *objects)


def batch_task_ids(count: int, *, box: bytes = b"0 0 595 842") -> bytes:
    """A PDF of this many pages; the line on page n is at the height n."""
    kids = b" ".join(b"%d 0 R" % (3 + 2 * n) for n in range(count))
    objects = []
    for n in range(count):
        content = b"100 %d m 500 %d l 20 w S" % (n + 1, n + 1)
        objects += [b"<</Type/Page/Parent 2 0 R/MediaBox[%b]/Contents %d 0 R>>" % (box, 4 + 2 * n), stream(content)]
    return pdf(CATALOG, b"<</Type/Pages/Kids[%b]/Count %d>>" % (kids, count), *objects)


def _deflated(chunk: bytes, times: int) -> bytes:
    packer = zlib.compressobj(9)
    return b"".join([*(packer.compress(chunk) for _ in range(times)), packer.flush()])


def _packed_page(chunk: bytes, times: int) -> bytes:
    content = stream(_deflated(chunk, times), b"/Filter/FlateDecode")
    return pdf(CATALOG, ONE_PAGE, page(), content)


def _spaces() -> bytes:
    """One megabyte of a file, one gigabyte of a page."""
    return _packed_page(b" " * _MEGABYTE, 1024)


def _strokes() -> bytes:
    """Eleven million lines across the page."""
    return _packed_page(b"0 0 m 500 800 l S\n" * 50_000, 230)


def _tiles() -> bytes:
    """Nearly five billion tiles, each a line."""
    tile = stream(
        b"0 0 m 1 1 l S",
        b"/PatternType 1/PaintType 1/TilingType 1/BBox[0 0 1 1]/XStep 0.01/YStep 0.01/Resources<<>>",
    )
    return one_page(b"/Pattern cs /P scn 0 0 595 842 re f", tile, resources=b"/Pattern<</P 5 0 R>>")


def _forms() -> bytes:
    """A form that draws another ten times, and so on twelve times."""
    entries = b"/Type/XObject/Subtype/Form/BBox[0 0 595 842]/Resources<</XObject<</F %d 0 R>>>>"
    inner = [stream(b"/F Do " * 10, entries % (6 + n)) for n in range(11)]
    last = stream(b"0 0 m 500 800 l S", entries % 16)
    return one_page(b"/F Do", *inner, last, resources=b"/XObject<</F 5 0 R>>")


def _picture() -> bytes:
    """A picture of 1.2 gigabytes in one of a megabyte."""
    side = 20_000
    picture = stream(
        _deflated(bytes(3 * side), side),
        b"/Type/XObject/Subtype/Image/Width %d/Height %d/BitsPerComponent 8/ColorSpace/DeviceRGB/Filter/FlateDecode"
        % (side, side),
    )
    return one_page(b"q 595 0 0 842 0 0 cm /I Do Q", picture, resources=b"/XObject<</I 5 0 R>>")


def claims(pages: int) -> bytes:
    """A PDF of one page that says it has this many."""
    return pdf(CATALOG, b"<</Type/Pages/Kids[3 0 R]/Count %d>>" % pages, page(), stream(LINE))


def repeats(times: int) -> bytes:
    """A PDF whose pages are all the same object."""
    kids = b"3 0 R " * times
    return pdf(CATALOG, b"<</Type/Pages/Kids[%b]/Count %d>>" % (kids, times), page(), stream(LINE))


def tree_in_a_loop() -> bytes:
    """A PDF whose page tree contains itself."""
    return pdf(CATALOG, b"<</Type/Pages/Kids[3 0 R 2 0 R]/Count 2/Parent 2 0 R>>", page(), stream(LINE))


def without_pages() -> bytes:
    """A PDF of no page."""
    return pdf(CATALOG, b"<</Type/Pages/Kids[]/Count 0>>")


def first_page_missing() -> bytes:
    """A PDF of two pages, the first of which is no object of the file."""
    return pdf(CATALOG, b"<</Type/Pages/Kids[9 0 R 3 0 R]/Count 2>>", page(), stream(LINE))


#: what has a page that takes too much of time or memory
TOO_COSTLY: dict[str, Callable[[], bytes]] = {
    "a gigabyte of spaces": _spaces,
    "eleven million strokes": _strokes,
    "billions of tiles": _tiles,
    "forms in forms": _forms,
}
#: what has a page of strange measures, which is rendered all the same
STRANGE: dict[str, Callable[[], bytes]] = {
    "a picture of 1.2 GB": _picture,
    "no size": lambda: one_page(box=b"0 0 0 0"),
    "a size from right to left": lambda: one_page(box=b"595 842 0 0"),
    "a billion points": lambda: one_page(box=b"0 0 1e9 1e9"),
    "a thread": lambda: one_page(box=b"0 0 100000 1"),
    "a size of words": lambda: one_page(box=b"0 0 (a) null"),
    "a unit of 100": lambda: pdf(CATALOG, ONE_PAGE, page(more=b"/UserUnit 100"), stream(LINE)),
    "a tree in a loop": tree_in_a_loop,
}


def tiff(pages: Sequence[tuple[int, int, bytes]], *, order: str = "<", big: bool = False, loop: bool = False) -> bytes:
    """A TIFF of uncompressed grey pages (width, height, pixels). `loop`: the last page is followed by the first."""
    link, count = (order + "Q", order + "Q") if big else (order + "I", order + "H")
    entry = struct.Struct(order + ("HHQQ" if big else "HHII"))
    mark = b"II" if order == "<" else b"MM"
    head = mark + struct.pack(order + "HHH", 43, 8, 0) if big else mark + struct.pack(order + "H", 42)
    body, places, last = bytearray(head + struct.pack(link, 0)), [], len(head)
    for width, height, pixels in pages:
        at = len(body)
        body += pixels
        places.append(len(body))
        struct.pack_into(link, body, last, len(body))
        # size, bits, compression, black is zero, strip, samples, rows, bytes of the strip
        values = {256: width, 257: height, 258: 8, 259: 1, 262: 1, 273: at, 277: 1, 278: height, 279: len(pixels)}
        body += struct.pack(count, len(values))
        for tag, value in values.items():
            body += entry.pack(tag, 16 if big else 4, 1, value)
        last = len(body)
        body += struct.pack(link, places[0] if loop else 0)
    return bytes(body)


_PADDING = bytes.fromhex("28bf4e5e4e758a4164004e56fffa01082e2e00b6d0683e802f0ca9fe6453697a")


def _rc4(key: bytes, data: bytes) -> bytes:
    state, at = list(range(256)), 0
    for n in range(256):
        at = (at + state[n] + key[n % len(key)]) % 256
        state[n], state[at] = state[at], state[n]
    result, i, j = bytearray(), 0, 0
    for byte in data:
        i = (i + 1) % 256
        j = (j + state[i]) % 256
        state[i], state[j] = state[j], state[i]
        result.append(byte ^ state[(state[i] + state[j]) % 256])
    return bytes(result)


def _md5(data: bytes) -> bytes:
    return hashlib.md5(data, usedforsecurity=False).digest()


def encrypted(password: str) -> bytes:
    """A PDF of one page that this password opens (the 40-bit encryption of PDF 1.1, the simplest there is)."""
    user, identifier, rights = (password.encode() + _PADDING)[:32], bytes(16), -4
    owner = _rc4(_md5(user)[:5], user)
    key = _md5(user + owner + struct.pack("<i", rights) + identifier)[:5]
    content = _rc4(_md5(key + bytes([4, 0, 0, 0, 0]))[:10], LINE)
    plain = pdf(CATALOG, ONE_PAGE, page(), stream(content))
    entry = b"/Encrypt<</Filter/Standard/V 1/R 2/O<%b>/U<%b>/P %d>>/ID[<%b><%b>]" % (
        owner.hex().encode(),
        _rc4(key, _PADDING).hex().encode(),
        rights,
        identifier.hex().encode(),
        identifier.hex().encode(),
    )
    return plain.replace(b"/Root 1 0 R", b"/Root 1 0 R" + entry)
