"""Estimates the memory that decoding a file needs from its header.

The estimate only decides whether a page counts as costly; the child limits what it really uses.
"""

import re

from ocr_celery.decode.header import Header

#: while decoding, for formats that need more than 4
_BYTES_PER_PIXEL = {"WEBP": 16, "JPEG2000": 20, "AVIF": 9, "HEIF": 12, "TIFF": 6}
_PROGRESSIVE_BYTES_PER_PIXEL = 8  #: a progressive JPEG is kept in memory until its last scan
_PROGRESSIVE = re.compile(rb"\xff[\xc2\xc6\xca\xce]\x00")
_LEVELS = re.compile(rb"\xff\x52\x00.{6}([\x00-\x20])", re.DOTALL)  # COD: length, style, order, layers, transform
_FIXED_BYTES = 16 << 20  #: for working buffers and the answer
_SEARCHED_BYTES = 256 * 1024  #: from the start of the file


def estimate_memory(header: Header, data: bytes, max_side: int) -> int:
    """The bytes that decoding this file to a page probably needs."""
    pixels, extra = header.pixels, 0
    longer = max(header.width, header.height)
    if header.format == "JPEG":
        if _PROGRESSIVE.search(data, 0, _SEARCHED_BYTES):
            extra = pixels * _PROGRESSIVE_BYTES_PER_PIXEL
        pixels >>= 2 * halvings(longer, 2 * max_side, 3)
    elif header.format == "JPEG2000":
        pixels >>= 2 * halvings(longer, 2 * max_side, wavelet_levels(data))
    return _FIXED_BYTES + 2 * len(data) + extra + pixels * _BYTES_PER_PIXEL.get(header.format, 4)


def halvings(longer: int, side: int, max_times: int) -> int:
    """How often the longer side can be halved, at most `max_times`, and remain at least `side` pixels."""
    return max(0, min(max_times, (longer // max(1, side)).bit_length() - 1))


def wavelet_levels(data: bytes) -> int:
    """How often a JPEG 2000 file can be halved while decoding."""
    found = _LEVELS.search(data, 0, _SEARCHED_BYTES)
    return found[1][0] if found else 0
