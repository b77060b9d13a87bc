"""What a PDF has to say about a JPEG that it holds byte for byte: size, colours, and how it is turned."""

import struct
from dataclasses import dataclass

_SOF = frozenset({0xC0, 0xC1, 0xC2})  #: frames that PDF viewers decode: baseline, extended, progressive
_END_OF_HEADERS = frozenset({0xD9, 0xDA})
_ADOBE, _EXIF = 0xEE, 0xE1
_ORIENTATION, _SHORT = 0x0112, 3
_MAX_SEGMENTS = 4096


@dataclass(frozen=True, slots=True)
class JpegStream:
    """The properties of a JPEG as an image of a PDF."""

    width: int  #: pixels as stored
    height: int
    components: int  #: 1 (grey), 3 or 4 (CMYK)
    inverted: bool  #: CMYK as Adobe's programs write it: 0 is full ink
    orientation: int  #: of EXIF, 1 (upright) to 8


def read_jpeg(data: bytes) -> JpegStream | None:
    """What this JPEG is; None for one that a PDF cannot hold as it is (12 bits, arithmetic coding, lossless, broken headers)."""
    try:
        return _read(data)
    except (struct.error, IndexError):  # it ends within its headers
        return None


def _read(data: bytes) -> JpegStream | None:
    orientation, adobe, frame = 0, False, None
    at = 2
    for _ in range(_MAX_SEGMENTS):
        while data[at] == 0xFF and data[at + 1] == 0xFF:
            at += 1
        if data[at] != 0xFF or data[at + 1] in _END_OF_HEADERS:
            break
        marker, (length,) = data[at + 1], struct.unpack_from(">H", data, at + 2)
        body = data[at + 4 : at + 2 + length]
        if marker in _SOF:
            frame = struct.unpack_from(">BHHB", body)
        elif marker == _ADOBE:
            adobe = adobe or body.startswith(b"Adobe")
        elif marker == _EXIF and body.startswith(b"Exif\0") and not orientation:
            orientation = _orientation(body[6:])
        at += 2 + max(length, 2)
    if frame is None:
        return None
    bits, height, width, components = frame
    if bits != 8 or components not in (1, 3, 4) or not width or not height:
        return None
    return JpegStream(width, height, components, adobe and components == 4, orientation or 1)


def _orientation(tiff: bytes) -> int:
    """The orientation in EXIF data; 1 where there is none."""
    try:
        order = "<" if tiff[:2] == b"II" else ">"
        (start,) = struct.unpack_from(order + "I", tiff, 4)
        (count,) = struct.unpack_from(order + "H", tiff, start)
        for entry in range(min(count, 512)):
            tag, kind, _, value = struct.unpack_from(order + "HHIH", tiff, start + 2 + 12 * entry)
            if (tag, kind) == (_ORIENTATION, _SHORT):
                return int(value) if 1 <= value <= 8 else 1
    except struct.error:
        pass
    return 1
