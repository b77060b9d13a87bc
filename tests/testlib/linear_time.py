"""Whether work takes a time that grows as what it works on does, and not as its square."""

import time
from collections.abc import Callable
from typing import TypeVar

from tests.testlib.effort import part_of

T = TypeVar("T")
_MOST_TIMES = 24  #: as long for what is eight times as long; 64 times where the time is quadratic
_SHORTEST = 0.0005  #: seconds; less is not measured well
_TRIES = 5  #: the least of them counts: what else the machine does makes some longer


def check_linear(work: Callable[[T], object], make: Callable[[int], T], length: int) -> None:
    """`make`: what has about this length. The long one is tried no more often than it takes to be fast enough once."""
    large = make(part_of(length))
    small = make(part_of(length) // 8)
    bound = _MOST_TIMES * max(_SHORTEST, min(_seconds(work, small) for _ in range(_TRIES)))
    tries: list[float] = []
    while len(tries) < _TRIES:
        tries.append(_seconds(work, large))
        if tries[-1] < bound:
            return
    raise AssertionError(f"{min(tries):.4f} s for the large one, {bound / _MOST_TIMES:.4f} s for the small one")


def _seconds(work: Callable[[T], object], given: T) -> float:
    began = time.process_time()
    work(given)
    return time.process_time() - began
