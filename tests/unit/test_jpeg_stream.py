"""What a PDF has to know of a JPEG is in its headers."""

from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from ocr_celery.export.jpeg_stream import JpegStream, read_jpeg


def _jpeg(mode: str = "RGB", orientation: int = 0, **options: bool) -> bytes:
    picture, file = Image.new(mode, (40, 30)), BytesIO()
    exif = Image.Exif()
    if orientation:
        exif[0x0112] = orientation
    picture.save(file, "JPEG", exif=exif.tobytes() if orientation else b"", **options)
    return file.getvalue()


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (_jpeg(), JpegStream(40, 30, 3, False, 1)),
        (_jpeg("L"), JpegStream(40, 30, 1, False, 1)),
        (_jpeg("CMYK"), JpegStream(40, 30, 4, True, 1)),
        (_jpeg(progressive=True), JpegStream(40, 30, 3, False, 1)),
        (_jpeg(orientation=6), JpegStream(40, 30, 3, False, 6)),
        (_jpeg(orientation=9), JpegStream(40, 30, 3, False, 1)),
    ],
)
def test_its_size_colours_and_orientation(data: bytes, found: JpegStream) -> None:
    assert read_jpeg(data) == found


@pytest.mark.parametrize("marker", [0xC3, 0xC9, 0xCB])
def test_a_jpeg_that_viewers_do_not_decode_is_not_taken_as_it_is(marker: int) -> None:
    assert read_jpeg(_jpeg().replace(b"\xff\xc0", bytes([0xFF, marker]))) is None


@given(st.binary(max_size=300) | st.integers(0, 600).map(lambda end: _jpeg(orientation=6)[:end]))
def test_nothing_that_is_broken_makes_it_fail(data: bytes) -> None:
    found = read_jpeg(b"\xff\xd8\xff" + data)
    assert found is None or found.components in {1, 3, 4}
