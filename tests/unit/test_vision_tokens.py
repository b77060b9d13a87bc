"""What a picture costs the model; that vLLM counts the same is tested with vLLM."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocr_celery.engine.vllm.tiling import FIRST, SECOND, Sight

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
    assert FIRST.count(*size) == tokens


@given(SIDES, SIDES)
def test_no_picture_costs_more_than_six_tiles_in_a_row(width: int, height: int) -> None:
    assert 273 <= FIRST.count(width, height) <= 933
    assert 257 <= SECOND.count(width, height) <= 1121


@given(st.sampled_from([FIRST, SECOND]), SIDES, SIDES)
def test_a_picture_without_its_useless_pixels_fills_the_same_tiles(sight: Sight, width: int, height: int) -> None:
    smaller = sight.useful(width, height)
    assert sight.tiles(*smaller) == sight.tiles(width, height)
    assert smaller[0] <= width
    assert smaller[1] <= height
    if smaller != (width, height):
        across, down = sight.tiles(width, height)
        assert smaller[0] >= across * sight.tile
        assert smaller[1] >= down * sight.tile


def test_an_a4_page_at_300_dpi_needs_less_than_a_third_of_its_pixels() -> None:
    assert FIRST.useful(2480, 3508) == (1358, 1920)
