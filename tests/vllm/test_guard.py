"""The guard against endless repetition works, and lets tables be.

Early versions of vLLM skipped it at temperature 0; its newer model runner refuses it.
"""

import pytest

from tests.testlib.engine_contract import new_id
from tests.testlib.engine_probe import EngineProbe
from tests.testlib.vllm.pages import CELLS, CIRCLE, MOST, NO_GUARD, ROUND, page


def text(probe: EngineProbe, prompt: str, **options: float) -> str:
    return probe.read(page(new_id(), prompt, max_tokens=MOST, **options))[0].text


def test_without_the_guard_the_model_goes_round_until_it_may_not_answer_more(probe: EngineProbe) -> None:
    (reading,) = probe.read(page(new_id(), ROUND, max_tokens=MOST, **NO_GUARD))
    assert reading.text == CIRCLE * (MOST // 4)
    assert (reading.finish_reason, reading.output_tokens) == ("length", MOST)


@pytest.mark.parametrize("size", [6, 12, 30, 40])
def test_the_guard_breaks_the_circle_at_temperature_0_after_as_much_as_the_page_allows(
    probe: EngineProbe, size: int
) -> None:
    broken = text(probe, ROUND, ngram_size=size, window_size=300)
    # what begins four tokens after the start is the start again, up to the last of `size` tokens, which may not follow
    whole = (size + 3) // 4
    assert broken.startswith(CIRCLE * whole)
    assert not broken.startswith(CIRCLE * (whole + 1))


def test_with_the_defaults_the_circle_is_broken_too(probe: EngineProbe) -> None:
    assert CIRCLE * 9 not in text(probe, ROUND)


def test_cells_of_a_table_may_repeat_all_the_same(probe: EngineProbe) -> None:
    assert text(probe, CELLS, ngram_size=6, window_size=90) == "<td></td>" * (MOST // 2)


def test_guards_of_one_batch_do_not_mix(probe: EngineProbe) -> None:
    guards = ({"ngram_size": 6, "window_size": 300}, NO_GUARD) * 4
    requests = [page(new_id(), ROUND, max_tokens=MOST, **guard) for guard in guards]
    texts = [reading.text for reading in probe.read(*requests)]
    assert len(set(texts[::2])) == len(set(texts[1::2])) == 1
    assert texts[0] != texts[1] == CIRCLE * (MOST // 4)
