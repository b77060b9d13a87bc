import io
from dataclasses import replace
from typing import Any

import pytest
from PIL import Image

from ocr_celery.decode.cost_estimate import estimate_memory, halvings, wavelet_levels
from ocr_celery.decode.header import read_header

MB = 1 << 20


def expected(format: str, size: tuple[int, int], **options: Any) -> float:
    """By the header alone: the picture is small, and its header is taken for that of one of this size."""
    file = io.BytesIO()
    Image.new("RGB", (64, 64)).save(file, format, **options)
    data = file.getvalue()
    header = replace(read_header(data, max_pixels=10**9), width=size[0], height=size[1])
    return estimate_memory(header, data, 1280) / MB


@pytest.mark.parametrize(
    ("format", "size"),
    [
        ("JPEG", (1654, 2339)),
        ("PNG", (2480, 3508)),
        ("JPEG", (4032, 3024)),
        ("JPEG", (4608, 3456)),
        ("WEBP", (1654, 2339)),
    ],
    ids=str,
)
def test_ordinary_pages_and_photos_are_expected_to_take_little(format: str, size: tuple[int, int]) -> None:
    assert expected(format, size) < 96


def test_what_a_decoder_keeps_whole_is_expected_to_take_much() -> None:
    plain, progressive = (expected("JPEG", (4000, 4000), progressive=progressive) for progressive in (False, True))
    assert progressive > plain + 100
    assert expected("WEBP", (4000, 4000)) > 200


def test_a_picture_that_can_be_decoded_smaller_takes_less() -> None:
    assert expected("JPEG2000", (5200, 2000)) < expected("JPEG2000", (5200, 2000), num_resolutions=1) / 2


@pytest.mark.parametrize(
    ("longer", "side", "most", "times"),
    [(5120, 2560, 5, 1), (5119, 2560, 5, 0), (10240, 2560, 5, 2), (10240, 2560, 1, 1)],
)
def test_a_side_is_halved_while_it_stays_long_enough(longer: int, side: int, most: int, times: int) -> None:
    assert halvings(longer, side, most) == times


@pytest.mark.parametrize("levels", [0, 1, 5])
@pytest.mark.parametrize("bare", [False, True])
def test_the_levels_of_jpeg_2000_are_found(levels: int, bare: bool) -> None:
    file = io.BytesIO()
    Image.new("RGB", (500, 500)).save(file, "JPEG2000", num_resolutions=levels + 1, no_jp2=bare)
    assert wavelet_levels(file.getvalue()) == levels
