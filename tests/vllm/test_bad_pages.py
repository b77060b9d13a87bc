"""A page on which vLLM fails its whole batch, or which it misreads, fails with its own code; the others are read."""

import io
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image, ImageDraw

from ocr_celery.errors import OcrError
from tests.testlib.engine_contract import new_id
from tests.testlib.engine_probe import EngineProbe, engine_request
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


def check(probe: EngineProbe, bad: Any, code: str) -> None:
    """Seven good pages around this one are read."""
    good = [page(new_id(), SENTENCE) for _ in range(7)]
    probe.engine.enter([*good[:3], bad, *good[3:]])
    assert {probe.reading(request.id).text for request in good} == {
        " the quick brown fox jumps over a lazy dog while nobody looks"
    }
    error = probe.outcome(bad.id).result
    assert isinstance(error, OcrError)
    assert error.code == code
    assert probe.engine.alive()


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_picture_among_eight_is_the_only_one_that_fails(probe: EngineProbe, kind: str) -> None:
    make, code = BAD[kind]
    bad = engine_request(new_id(), Image.new("RGB", (9, 9)), SENTENCE)
    object.__setattr__(bad.page, "image", make())
    check(probe, bad, code)


@pytest.mark.parametrize("length", [4096 - 273 - 3, 5000])
def test_a_prompt_without_room_for_an_answer_among_eight_is_the_only_one_that_fails(
    probe: EngineProbe, length: int
) -> None:
    check(probe, page(new_id(), "x" * length + "."), "prompt_too_long")


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (1, 5000), (5000, 1), (8, 3840)])
def test_a_picture_of_odd_shape_is_read(probe: EngineProbe, size: tuple[int, int]) -> None:
    assert probe.read(page(new_id(), SENTENCE, *size))[0].finish_reason == "stop"
