"""Whether a page is read again, and how: with a stricter repetition guard and a higher temperature."""

from collections.abc import Sequence
from dataclasses import replace

from ocr_celery.core.options import WINDOW_SIZE, Options
from ocr_celery.core.reading import Reading
from ocr_celery.core.verdict import Verdict, judge

_TEMPERATURE_STEP = 0.2  #: added to the temperature with each reading
_MAX_TEMPERATURE = 1.0
_MIN_NGRAM_SIZE = 8  #: tokens; a shorter guard forbids what ordinary text repeats


def next_attempt(
    readings: Sequence[Reading], asked: Options, *, max_rereads: int, default_max_tokens: int
) -> Options | None:
    """How to read a page again after these readings, the latest last; None: it was read well, or often enough.

    `max_rereads`: how many times a page may be read again. `default_max_tokens`: the max_tokens of a page whose sender
    names none. A sender that asks for fewer wants the text cut off there.
    """
    if len(readings) > max_rereads:
        return None
    verdict = judge(readings[-1])
    lost = verdict is Verdict.REPEATING or (verdict is Verdict.TRUNCATED and asked.max_tokens >= default_max_tokens)
    return _escalate(asked, len(readings)) if lost else None


def _escalate(asked: Options, times: int) -> Options:
    """Each time, forbid the repetition of runs half as long, within a window twice as long, at a higher temperature."""
    return replace(
        asked,
        temperature=max(asked.temperature, min(_MAX_TEMPERATURE, asked.temperature + _TEMPERATURE_STEP * times)),
        ngram_size=max(min(_MIN_NGRAM_SIZE, asked.ngram_size), asked.ngram_size >> times),
        window_size=min(int(WINDOW_SIZE[1]), asked.window_size << times),
    )
