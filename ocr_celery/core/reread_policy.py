"""Whether a page is read once more, and how: a model that lost its place is asked again with a tighter guard and some chance."""

from collections.abc import Sequence
from dataclasses import replace

from ocr_celery.core.options import WINDOW_SIZE, Options
from ocr_celery.core.reading import Reading
from ocr_celery.core.verdict import Verdict, judge

_WARMER = 0.2  #: added to the temperature with each reading
_WARMEST = 1.0
_SHORTEST = 8  #: tokens; a shorter guard forbids what ordinary text repeats


def again(readings: Sequence[Reading], asked: Options, *, most: int, usual_tokens: int) -> Options | None:
    """How to read a page again after these readings of it, the last one last; None: it has been read well or often enough.

    `most`: how many times a page may be read again. `usual_tokens`: the max_tokens of a page whose sender names none; who
    asks for fewer wants the text cut off there.
    """
    if len(readings) > most:
        return None
    verdict = judge(readings[-1])
    lost = verdict is Verdict.REPEATING or (verdict is Verdict.TRUNCATED and asked.max_tokens >= usual_tokens)
    return _tighter(asked, len(readings)) if lost else None


def _tighter(asked: Options, times: int) -> Options:
    """A run that may not come again is half as long each time, and is looked for in a window twice as long."""
    return replace(
        asked,
        temperature=max(asked.temperature, min(_WARMEST, asked.temperature + _WARMER * times)),
        ngram_size=max(min(_SHORTEST, asked.ngram_size), asked.ngram_size >> times),
        window_size=min(int(WINDOW_SIZE[1]), asked.window_size << times),
    )
