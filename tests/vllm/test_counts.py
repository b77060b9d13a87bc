"""What the engine says of a page's tokens is what vLLM counts."""

import random

import pytest
from vllm.model_executor.models.deepseek_ocr import DeepseekOCRProcessingInfo
from vllm.model_executor.models.deepseek_ocr2 import DeepseekOCR2ProcessingInfo

from ocr_celery.engine.vllm.tiling import DEEPSEEK_OCR, DEEPSEEK_OCR_2, TilingScheme
from tests.testlib.engine_contract import new_id
from tests.testlib.engine_probe import EngineProbe
from tests.testlib.vllm.pages import SENTENCE, page

SIZES = [
    (1, 1),
    (640, 640),
    (641, 640),
    (1000, 1000),
    (1240, 1754),
    (2480, 3508),
    (3508, 2480),
    (700, 2200),
    (400, 4000),
]


BOTH = pytest.mark.parametrize("scheme", [DEEPSEEK_OCR, DEEPSEEK_OCR_2])
INFO = {DEEPSEEK_OCR: DeepseekOCRProcessingInfo, DEEPSEEK_OCR_2: DeepseekOCR2ProcessingInfo}


def vllms(width: int, height: int, scheme: TilingScheme = DEEPSEEK_OCR) -> int:
    return int(INFO[scheme].get_num_image_tokens(None, image_width=width, image_height=height))


@BOTH
def test_the_tokens_of_a_picture_are_those_that_vllm_counts(scheme: TilingScheme) -> None:
    draw = random.Random(1)
    sizes = [(draw.randint(1, 4000), draw.randint(1, 4000)) for _ in range(20_000)]
    # shapes halfway between two grids, where the area decides
    sizes += [(a * n, b * n) for n in (100, 300, 700) for a in range(1, 13) for b in range(1, 13)]
    assert [scheme.image_tokens(*size) for size in sizes] == [vllms(*size, scheme) for size in sizes]


@BOTH
def test_taking_out_useless_pixels_changes_no_token(scheme: TilingScheme) -> None:
    draw = random.Random(2)
    for _ in range(5000):
        size = draw.randint(1, 4000), draw.randint(1, 4000)
        assert vllms(*scheme.useful_size(*size), scheme) == vllms(*size, scheme)


@pytest.mark.parametrize("size", SIZES)
def test_the_prompt_tokens_of_a_reading_are_text_and_picture(probe: EngineProbe, size: tuple[int, int]) -> None:
    (reading,) = probe.read(page(new_id(), SENTENCE, *size))
    text = 1 + len(f"\n{SENTENCE}")  # the beginning, then a token a byte
    assert reading.prompt_tokens == text + vllms(*size)


def test_an_answer_is_allowed_what_the_prompt_leaves_and_the_reading_says_so(probe: EngineProbe) -> None:
    (reading,) = probe.read(page(new_id(), "x" * 3800 + "!", max_tokens=4096, ngram_size=5000, window_size=5000))
    assert reading.max_tokens == reading.output_tokens == 4096 - reading.prompt_tokens
    assert reading.finish_reason == "length"


def test_what_was_asked_and_is_granted_is_not_mentioned(probe: EngineProbe) -> None:
    (reading,) = probe.read(page(new_id(), SENTENCE, max_tokens=100))
    assert reading.max_tokens == 0
    assert (reading.output_tokens, reading.finish_reason) == (13, "stop")


def test_a_prompt_that_leaves_room_for_one_token_is_read(probe: EngineProbe) -> None:
    (reading,) = probe.read(page(new_id(), "x" * (4096 - 273 - 4) + "."))
    assert (reading.prompt_tokens, reading.output_tokens) == (4095, 1)
