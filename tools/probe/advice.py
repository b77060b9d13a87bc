"""Which batch size follows from what was measured. Standard library only."""

import itertools
from dataclasses import dataclass

FLAT_GAIN = 1.05  #: a step is flat if it brings less than this many times the pages per second
MAX_FLAT_STEPS = 2  #: flat steps in a row that end the search
ENOUGH = 0.95  #: of the best pages per second: the smallest batch that reaches it is recommended


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What was measured with so many pages inside. Seconds and bytes."""

    batch: int
    rate: float  #: pages per second
    p50: float  #: of a page's time in the engine
    p95: float
    cpu: float  #: seconds of the processor a page, of all the engine's processes
    memory: int  #: most that the engine's processes had resident, or that the GPU had in use


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """What follows from the steps."""

    largest: int  #: the largest batch that was read
    recommended: int
    reason: str


def advise(steps: list[Step], *, failed: bool) -> Advice:
    """The smallest batch that is nearly as fast as the fastest; if a larger one failed, at most half of what fits."""
    largest = steps[-1].batch
    best = max(step.rate for step in steps)
    chosen = next(step.batch for step in steps if step.rate >= ENOUGH * best)
    if failed and chosen > max(1, largest // 2):
        reason = "half of the largest that was read, since a larger one failed"
        return Advice(largest=largest, recommended=max(1, largest // 2), reason=reason)
    reason = f"the smallest that reaches {ENOUGH:.0%} of the most pages per second seen"
    return Advice(largest=largest, recommended=chosen, reason=reason)


def is_flat(steps: list[Step]) -> bool:
    """Whether the last steps brought hardly any more pages per second."""
    last = steps[-MAX_FLAT_STEPS - 1 :]
    return len(last) > MAX_FLAT_STEPS and all(b.rate < FLAT_GAIN * a.rate for a, b in itertools.pairwise(last))


def batch_sizes(largest: int) -> list[int]:
    """1, 2, 4, … below `largest`, and `largest`."""
    sizes = [2**n for n in range(largest.bit_length()) if 2**n < largest]
    return [*sizes, largest]
