"""When pages that are ready enter the engine. Pure: the caller brings the time.

`size` bounds the pages inside the engine; a batch is how they enter. Into an idle engine goes a full batch, or what there
is once the wait has lasted `timeout`. Into a running one goes a page for every place that is free, at once: a long page
never makes the others wait for the next batch. The wait counts from when the oldest page was ready and the engine idle,
whichever came last, so that pages arriving behind a batch that ended in one moment still gather.

Two kinds of pages wait apart: those to be read again take only places that no other page wants, and a page suspected of
killing workers is read alone, so that it can harm no neighbour. It is not tried before the worker has been at work for a
while: after that warm-up a crash is more likely its fault than an external kill (core/quarantine.py).
"""

import heapq
import math
from collections import deque
from dataclasses import dataclass
from typing import Generic, TypeVar

from ocr_celery.core.quarantine import SUSPECT_WARMUP

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchPolicy:
    """How pages gather."""

    size: int  #: most pages inside the engine
    timeout: float  #: seconds an idle engine waits for a batch to fill
    refill: bool = True  #: False: a batch enters only when the one before has left altogether
    warmup: float = SUSPECT_WARMUP  #: seconds a worker must have been at work before a quarantined page is tried


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """What the caller knows now; times in seconds of one clock."""

    now: float
    inside: int  #: pages in the engine
    idle_since: float  #: when it became empty
    at_work_since: float = 0.0  #: when the first page was ready
    leaving: int = 0  #: pages that came out and whose outcome is not yet stored: they would have to be read again
    alone: bool = False  #: a suspect is inside
    hurry: bool = False  #: nothing more is coming


class Batcher(Generic[T]):
    """First come, first served; never loses, repeats or reorders an item of a kind."""

    def __init__(self, policy: BatchPolicy) -> None:
        self.policy = policy
        self._waiting: deque[tuple[float, T]] = deque()
        self._again: deque[T] = deque()
        self._suspects: list[tuple[int, int, T]] = []  # a heap
        self._suspected = 0

    def __len__(self) -> int:
        return len(self._waiting) + len(self._again) + len(self._suspects)

    def add(self, item: T, *, now: float) -> None:
        """This item is ready."""
        self._waiting.append((now, item))

    def add_again(self, item: T) -> None:
        """This item is to be read once more, where there is room."""
        self._again.append(item)

    def add_suspect(self, item: T, *, solo_strikes: int = 0) -> None:
        """This item is to be read alone. The one with fewer solo strikes is tried sooner."""
        self._suspected += 1
        heapq.heappush(self._suspects, (solo_strikes, self._suspected, item))

    @property
    def suspects(self) -> int:
        """How many wait."""
        return len(self._suspects)

    def give_up_again(self) -> list[T]:
        """Those that were to be read once more, which now are not."""
        given = list(self._again)
        self._again.clear()
        return given

    def due_in(self, moment: Moment) -> float | None:
        """Seconds until something may enter: 0 if now, None if it takes another page or a freed place."""
        inside = moment.inside
        if moment.alone or inside >= self.policy.size or (inside and not self.policy.refill):
            return None
        trial = self.warmup_left(moment) if self._suspects else math.inf
        if trial == 0:
            return None if inside or moment.leaving else 0.0
        due = min(trial, self._batch_in(moment))
        return None if due == math.inf else due

    def warmup_left(self, moment: Moment) -> float:
        """Seconds until a crash counts as evidence against a page that runs solo."""
        return max(0.0, moment.at_work_since + self.policy.warmup - moment.now)

    def _batch_in(self, moment: Moment) -> float:
        if not self._waiting:
            return 0.0 if self._again else math.inf
        if moment.inside or moment.hurry or len(self._waiting) >= self.policy.size:
            return 0.0
        oldest, _ = self._waiting[0]
        return max(0.0, max(oldest, moment.idle_since) + self.policy.timeout - moment.now)

    def take(self, moment: Moment) -> list[T]:
        """What enters now, oldest first; empty when nothing is due. A suspect comes alone."""
        if self.due_in(moment) != 0:
            return []
        if self._suspects and not self.warmup_left(moment):
            return [heapq.heappop(self._suspects)[2]]
        room = self.policy.size - moment.inside
        first = [self._waiting.popleft()[1] for _ in range(min(room, len(self._waiting)))]
        return first + [self._again.popleft() for _ in range(min(room - len(first), len(self._again)))]
