"""A page's own options reach vLLM, whatever its neighbours asked for, and any prompt is counted as vLLM counts it."""

import pytest

from ocr_celery.core import prompts
from ocr_celery.engine.vllm.tiling import DEEPSEEK_OCR
from tests.testlib.engine_contract import new_id
from tests.testlib.engine_probe import EngineProbe
from tests.testlib.vllm.pages import ROUND, SENTENCE, page


def test_temperatures_of_one_batch_do_not_mix(probe: EngineProbe) -> None:
    requests = [page(new_id(), ROUND, max_tokens=20, temperature=2.0 * (n % 2)) for n in range(8)]
    texts = [reading.text for reading in probe.read(*requests)]
    assert set(texts[::2]) == {" round and again always" * 5}
    assert len(set(texts[1::2])) == 4  # chance: there are 129,280 tokens


def test_lengths_of_one_batch_do_not_mix(probe: EngineProbe) -> None:
    requests = [page(new_id(), ROUND, max_tokens=n) for n in range(1, 9)]
    assert [reading.output_tokens for reading in probe.read(*requests)] == list(range(1, 9))


@pytest.mark.parametrize(
    "prompt",
    [
        "",
        prompts.MARKDOWN,
        prompts.FREE_OCR,
        f"Read {prompts.IMAGE_TOKEN} and stop.",
        "<image>\nLocate <|ref|>the total<|/ref|> in the image.",
        "<table><tr><td>1</td></tr></table>",
        "<｜begin▁of▁sentence｜>twice<｜end▁of▁sentence｜>",
        "读出这页上的文字。 🙂 Ünïcödé\t\n\n",
        " " * 50,
    ],
)
def test_a_prompt_takes_the_tokens_that_are_reckoned_with(probe: EngineProbe, prompt: str) -> None:
    request = page(new_id(), prompt, max_tokens=1)
    (reading,) = probe.read(request)
    reckoned = probe.engine._loaded_model.prompt_tokens(request.options.prompt)  # type: ignore[attr-defined]
    assert reading.prompt_tokens == reckoned + DEEPSEEK_OCR.image_tokens(*request.page.image.size)


def test_tags_of_the_block_language_stay_in_the_answer(probe: EngineProbe) -> None:
    (reading,) = probe.read(page(new_id(), "<|grounding|>Convert. "))
    assert reading.text.startswith("<|ref|> title<|/ref|><|det|>[[12,30,400,60]]<|/det|> line0 line1")
    assert reading.finish_reason == "stop"


def test_the_end_is_no_part_of_the_text(probe: EngineProbe) -> None:
    (reading,) = probe.read(page(new_id(), SENTENCE))
    assert reading.text == " the quick brown fox jumps over a lazy dog while nobody looks"
