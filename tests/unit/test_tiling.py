"""What a picture costs the model; that vLLM counts the same is tested with vLLM."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocr_celery.engine.vllm.tiling import DEEPSEEK_OCR, DEEPSEEK_OCR_2, TilingScheme

SIDES = st.integers(1, 20_000)


@pytest.mark.parametrize(
    ("size", "tokens"),
    [
        ((1, 1), 273),
        ((640, 640), 273),
        ((641, 640), 693),
        ((1240, 1754), 903),
        ((2480, 3508), 903),
        ((3508, 2480), 893),
        ((700, 2200), 603),
        ((400, 4000), 933),
    ],
)
def test_a_picture_costs_so_many_tokens(size: tuple[int, int], tokens: int) -> None:
    assert DEEPSEEK_OCR.image_tokens(*size) == tokens


@given(SIDES, SIDES)
def test_no_picture_costs_more_than_six_tiles_in_a_row(width: int, height: int) -> None:
    assert 273 <= DEEPSEEK_OCR.image_tokens(width, height) <= 933
    assert 257 <= DEEPSEEK_OCR_2.image_tokens(width, height) <= 1121


@given(st.sampled_from([DEEPSEEK_OCR, DEEPSEEK_OCR_2]), SIDES, SIDES)
def test_a_picture_without_its_useless_pixels_fills_the_same_tiles(
    scheme: TilingScheme, width: int, height: int
) -> None:
    smaller = scheme.useful_size(width, height)
    assert scheme.tiles(*smaller) == scheme.tiles(width, height)
    assert smaller[0] <= width
    assert smaller[1] <= height
    if smaller != (width, height):
        across, down = scheme.tiles(width, height)
        assert smaller[0] >= across * scheme.tile_size
        assert smaller[1] >= down * scheme.tile_size


def test_an_a4_page_at_300_dpi_needs_less_than_a_third_of_its_pixels() -> None:
    assert DEEPSEEK_OCR.useful_size(2480, 3508) == (1358, 1920)
