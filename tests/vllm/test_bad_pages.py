"""What vLLM would fail on, for a whole batch, or take in silence and misread: that page fails alone, with its own code."""

import io
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image, ImageDraw

from ocr_celery.errors import OcrError
from tests.testlib.engine_contract import new_id
from tests.testlib.engine_probe import Bench, engine_request
from tests.testlib.vllm.pages import SENTENCE, page


def cut() -> Image.Image:
    """Decoded only when it is used, and then found to be cut off."""
    file = io.BytesIO()
    picture = Image.new("RGB", (300, 300), "white")
    ImageDraw.Draw(picture).ellipse((20, 20, 280, 280), "navy")
    picture.save(file, "JPEG")
    return Image.open(io.BytesIO(file.getvalue()[:900]))


BAD: dict[str, tuple[Callable[[], Any], str]] = {
    "no picture": (lambda: None, "engine_failed"),
    "bytes": (lambda: b"\x89PNG", "engine_failed"),
    "cut off": (cut, "unreadable_image"),
    "no pixels": (lambda: Image.new("RGB", (0, 0)), "unreadable_image"),
    "no width": (lambda: Image.new("RGB", (0, 50)), "unreadable_image"),
    **{
        mode: (lambda mode=mode: Image.new(mode, (200, 150)), "unreadable_image")
        for mode in ("RGBA", "P", "CMYK", "L", "LA", "1", "I;16", "I", "F")
    },
}


def check(bench: Bench, bad: Any, code: str) -> None:
    """Seven good pages around this one are read."""
    good = [page(new_id(), SENTENCE) for _ in range(7)]
    bench.engine.enter([*good[:3], bad, *good[3:]])
    assert {bench.reading(request.id).text for request in good} == {
        " the quick brown fox jumps over a lazy dog while nobody looks"
    }
    error = bench.outcome(bad.id).result
    assert isinstance(error, OcrError)
    assert error.code == code
    assert bench.engine.alive()


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_picture_among_eight_fails_alone(bench: Bench, kind: str) -> None:
    make, code = BAD[kind]
    bad = engine_request(new_id(), Image.new("RGB", (9, 9)), SENTENCE)
    object.__setattr__(bad.page, "image", make())
    check(bench, bad, code)


@pytest.mark.parametrize("length", [4096 - 273 - 3, 5000])
def test_a_prompt_without_room_for_an_answer_among_eight_fails_alone(bench: Bench, length: int) -> None:
    check(bench, page(new_id(), "x" * length + "."), "prompt_too_long")


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (1, 5000), (5000, 1), (8, 3840)])
def test_a_picture_of_odd_shape_is_read(bench: Bench, size: tuple[int, int]) -> None:
    assert bench.read(page(new_id(), SENTENCE, *size))[0].finish_reason == "stop"
