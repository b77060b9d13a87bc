"""A JPEG without its metadata is the same picture, however its metadata is made."""

import io
import struct
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from ocr_celery.decode.jpeg import MAX_SCANS, strip_jpeg
from ocr_celery.errors import OcrError, PageTooCostly, Unreadable
from tests.testlib.hostile_images import BOMBS, saved


def picture(**options: Any) -> bytes:
    return saved(Image.linear_gradient("L").resize((80, 60)).convert("RGB"), "JPEG", **options)


def pixels(data: bytes) -> bytes:
    with Image.open(io.BytesIO(data)) as image:
        return image.tobytes()


def segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


KINDS: list[dict[str, Any]] = [
    {},
    {"progressive": True},
    {"optimize": True, "subsampling": 0},
    {"restart_marker_rows": 1},
    {"quality": 5},
]


@pytest.mark.parametrize("options", KINDS)
def test_the_picture_stays_and_its_metadata_goes(options: dict[str, Any]) -> None:
    data = picture(comment=b"c" * 1000, icc_profile=b"p" * 1000, xmp=b"x" * 1000, **options)
    bare = strip_jpeg(data)
    assert pixels(bare) == pixels(data)
    assert not any(what in bare for what in (b"ccc", b"ppp", b"xxx"))


def test_a_cmyk_picture_keeps_what_says_how_its_colours_are_meant() -> None:
    data = saved(Image.new("CMYK", (20, 20), (10, 200, 30, 40)), "JPEG")
    assert b"Adobe" in strip_jpeg(data)
    assert pixels(strip_jpeg(data)) == pixels(data)


def test_metadata_behind_the_frame_and_between_scans_goes_too() -> None:
    data = picture(progressive=True)
    junk = segment(0xE1, b"Exif\0\0second") + segment(0xFE, b"comment") + segment(0xE5, b"")
    parts = data.split(b"\xff\xda")
    full = parts[0] + junk + b"\xff\xda" + (junk + b"\xff\xda").join(parts[1:])
    first = segment(0xE1, b"Exif\0\0first")
    bare = strip_jpeg(full[:2] + first + full[2:])
    assert bare == data[:2] + first + data[2:]


def test_fill_bytes_in_front_of_a_marker_are_no_matter() -> None:
    data = picture()
    at = data.index(b"\xff\xdb")
    assert pixels(strip_jpeg(data[:at] + b"\xff\xff\xff" + data[at:])) == pixels(data)


def test_what_follows_the_end_goes() -> None:
    data = picture()
    assert strip_jpeg(data + b"PK\3\4" + data) == data


def test_a_second_frame_is_refused() -> None:
    data = picture()
    at, end = data.index(b"\xff\xc0"), data.index(b"\xff\xc4")
    with pytest.raises(Unreadable):
        strip_jpeg(data[:end] + data[at:end] + data[end:])


@pytest.mark.parametrize("name", ["scans", "exif behind the frame", "empty segments", "comments"])
def test_more_segments_or_scans_than_any_real_file_has_are_refused(name: str) -> None:
    with pytest.raises(PageTooCostly):
        strip_jpeg(BOMBS[name]())


@pytest.mark.parametrize("end", [b"\xff\xe1", b"\xff\xe1\0", b"\xff\xe1\0\x10Exif", b"\xff"])
def test_a_file_that_ends_within_a_segment_stays_truncated(end: bytes) -> None:
    tables = b"\xff\xdb\0\4ab"
    assert strip_jpeg(b"\xff\xd8" + tables + end) == b"\xff\xd8" + tables


@pytest.mark.parametrize("length", [0, 1])
def test_a_segment_shorter_than_its_own_length_field_is_refused(length: int) -> None:
    with pytest.raises(Unreadable):
        strip_jpeg(b"\xff\xd8\xff\xe1\0" + bytes([length]) + b"Exif\0")


def test_as_many_scans_as_an_optimiser_makes_are_read() -> None:
    data = picture(progressive=True)
    at = data.rindex(b"\xff\xda")
    more = MAX_SCANS - data.count(b"\xff\xda")
    many = data[:-2] + data[at:-2] * more + data[-2:]
    assert strip_jpeg(many) == many


@given(st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 255)), max_size=8), st.integers(0, 5000))
def test_any_damage_is_walked_over_or_refused(damage: list[tuple[int, int]], kept: int) -> None:
    data = bytearray(picture(progressive=True)[: max(3, kept)])
    for at, value in damage:
        data[2 + at % (len(data) - 2)] = value
    with suppress(OcrError):
        assert len(strip_jpeg(bytes(data))) <= len(data)
