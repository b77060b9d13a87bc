"""Whether work on a text takes a time that grows as the text does, and not as its square."""

import time
from collections.abc import Callable

_MOST_TIMES = 24  #: as long for a text that is eight times as long; 64 times where the time is quadratic
_SHORTEST = 0.0005  #: seconds; less is not measured well
_TRIES = 5  #: the least of them counts: what else the machine does makes some longer


def check_linear(work: Callable[[str], object], small: str, large: str) -> None:
    """`large` is eight times as long as `small`. It is tried no more often than it takes to be fast enough once."""
    bound = _MOST_TIMES * max(_SHORTEST, min(_seconds(work, small) for _ in range(_TRIES)))
    tries: list[float] = []
    while len(tries) < _TRIES:
        tries.append(_seconds(work, large))
        if tries[-1] < bound:
            return
    raise AssertionError(f"{min(tries):.4f} s for the large text, {bound / _MOST_TIMES:.4f} s for the small one")


def _seconds(work: Callable[[str], object], text: str) -> float:
    began = time.process_time()
    work(text)
    return time.process_time() - began
