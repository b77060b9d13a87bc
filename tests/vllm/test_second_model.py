"""DeepSeek-OCR-2, which `OCR_MODEL_PATH` may name as well: the same road, other tiles."""

from collections.abc import Iterator

import pytest

from ocr_celery.engine.vllm.tiling import DEEPSEEK_OCR_2
from tests.testlib.engine_contract import new_id
from tests.testlib.engine_probe import EngineProbe
from tests.testlib.vllm.checkpoint import write
from tests.testlib.vllm.environment import engine
from tests.testlib.vllm.pages import CIRCLE, MOST, NO_GUARD, ROUND, SENTENCE, page


@pytest.fixture(scope="module")
def second(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineProbe]:
    """An engine with that model."""
    probe = EngineProbe(engine(write(tmp_path_factory.mktemp("second"), second=True)))
    yield probe
    probe.engine.stop()


def test_pages_of_all_shapes_are_read_together_and_count_their_tokens_as_this_model_does(second: EngineProbe) -> None:
    sizes = [(100, 60), (768, 768), (769, 768), (1240, 1754), (3508, 2480), (400, 4000)]
    readings = second.read(*(page(new_id(), SENTENCE, *size) for size in sizes))
    text = 1 + len(f"\n{SENTENCE}")  # the beginning, then a token a byte
    assert [reading.prompt_tokens for reading in readings] == [
        text + DEEPSEEK_OCR_2.image_tokens(*size) for size in sizes
    ]
    assert {(reading.finish_reason, reading.output_tokens) for reading in readings} == {("stop", 13)}


def test_the_guard_against_going_in_circles_works_with_it(second: EngineProbe) -> None:
    guarded, free = second.read(
        page(new_id(), ROUND, max_tokens=MOST), page(new_id(), ROUND, max_tokens=MOST, **NO_GUARD)
    )
    assert free.text == CIRCLE * (MOST // 4)
    assert CIRCLE * 9 not in guarded.text
