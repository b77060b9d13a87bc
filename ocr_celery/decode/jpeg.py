"""Removes the metadata of a JPEG before decoding: only the image data and the orientation reach the decoder.

Pillow collects every segment before it decodes, and joins Exif segments in quadratic time: empty segments of a small
file took 683 MB, Exif after the frame header took minutes. The decoder makes a pass over the whole image for each scan,
even an empty one.
"""

import re
import struct

from ocr_celery.errors import PageTooCostly, Unreadable

MAX_SEGMENTS = 4096  #: the largest real files (depth maps) have some hundreds
MAX_SCANS = 128  #: encoders make 10, optimisers some dozens
_SOS, _EOI, _EXIF, _JFIF, _ADOBE = 0xDA, 0xD9, 0xE1, 0xE0, 0xEE
_WITHOUT_LENGTH = {0x01, *range(0xD0, 0xD9)}  #: markers without a length field
_TABLES = {0xC4, 0xCC, 0xDB, 0xDD, _SOS}  #: Huffman and arithmetic tables, quantisation, restarts
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_KEPT_ONCE = {_EXIF: b"Exif\0", _JFIF: b"JFIF\0", _ADOBE: b"Adobe"}
_MARKER = re.compile(rb"\xff[^\x00\xff]")
_AFTER_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")


def strip_jpeg(data: bytes) -> bytes:
    """The same JPEG with only its tables, frame, scans and its first Exif, JFIF and Adobe segments.

    A truncated file stays truncated, so that the decoder refuses it. Raises `Unreadable` for a second frame and
    `PageTooCostly` for more segments or scans than real files have.
    """
    view, wanted = memoryview(data), dict(_KEPT_ONCE)
    kept: list[bytes | memoryview] = [data[:2]]
    at, segments, scans, frames = 2, 0, 0, 0
    while found := _MARKER.search(data, at):
        marker, start = data[found.end() - 1], found.start()
        if marker == _EOI:
            kept.append(b"\xff\xd9")
            break
        if marker in _WITHOUT_LENGTH:
            at = found.end()
            continue
        end = _segment_end(data, found.end())
        segments += 1
        frames += marker in _FRAMES
        if marker == _SOS:
            scans += 1
            after = _AFTER_SCAN.search(data, end)
            end = after.start() if after else len(data)
        if segments - scans > MAX_SEGMENTS or scans > MAX_SCANS:
            raise PageTooCostly
        if frames > 1:
            raise Unreadable
        if marker in _TABLES or marker in _FRAMES or _is_first_of_kind(data, found.end() + 2, marker, wanted):
            kept.append(view[start:end])
        at = end
    return b"".join(kept)


def _segment_end(data: bytes, at: int) -> int:
    """The offset after the segment whose length field is at `at`."""
    try:
        (length,) = struct.unpack_from(">H", data, at)
    except struct.error:
        return len(data)
    if length < 2:
        raise Unreadable
    return at + int(length)


def _is_first_of_kind(data: bytes, at: int, marker: int, wanted: dict[int, bytes]) -> bool:
    name = wanted.get(marker)
    if name is None or not data.startswith(name, at):
        return False
    del wanted[marker]
    return True
