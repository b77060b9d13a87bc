"""What decoding a file will take of memory, by its header alone: pages that take much are decoded apart from the others.

An estimate, which only decides where a page waits: what it really takes is bounded in the child.
"""

import re

from ocr_celery.decode.header import Header

#: bytes a pixel of a format takes while it is decoded, where that is more than the picture's own 4
_BYTES_PER_PIXEL = {"WEBP": 16, "JPEG2000": 20, "AVIF": 9, "HEIF": 12, "TIFF": 6}
_PROGRESSIVE_BYTES_PER_PIXEL = 8  #: bytes a pixel of a progressive JPEG, which is kept whole until its last scan
_PROGRESSIVE = re.compile(rb"\xff[\xc2\xc6\xca\xce]\x00")
_LEVELS = re.compile(rb"\xff\x52\x00.{6}([\x00-\x20])", re.DOTALL)  # COD: length, style, order, layers, transform
_FIXED_BYTES = 16 << 20  #: bytes for what is worked on at a time and for the answer
_HEADER = 256 * 1024  #: bytes searched


def estimate_memory(header: Header, data: bytes, max_side: int) -> int:
    """Bytes that making a page of this file is expected to take."""
    pixels, extra = header.pixels, 0
    longer = max(header.width, header.height)
    if header.format == "JPEG":
        if _PROGRESSIVE.search(data, 0, _HEADER):
            extra = pixels * _PROGRESSIVE_BYTES_PER_PIXEL
        pixels >>= 2 * halvings(longer, 2 * max_side, 3)
    elif header.format == "JPEG2000":
        pixels >>= 2 * halvings(longer, 2 * max_side, wavelet_levels(data))
    return _FIXED_BYTES + 2 * len(data) + extra + pixels * _BYTES_PER_PIXEL.get(header.format, 4)


def halvings(longer: int, side: int, most: int) -> int:
    """How often a picture's longer side can be halved, at most `most` times, and stay at least `side` pixels."""
    return max(0, min(most, (longer // max(1, side)).bit_length() - 1))


def wavelet_levels(data: bytes) -> int:
    """How often a JPEG 2000 file can be decoded at half its size."""
    found = _LEVELS.search(data, 0, _HEADER)
    return found[1][0] if found else 0
