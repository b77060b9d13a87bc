"""When pages that are ready enter the engine. Pure: the caller brings the time.

`size` bounds the pages in the engine; a batch is how they enter. An idle engine gets a full batch, or what there is once
the wait has lasted `timeout`. A running engine gets a page for every free slot, at once: a long page never makes the others
wait for the next batch. The wait counts from when the oldest page was ready or the engine became idle, whichever is later,
so that pages that arrive behind a batch that ended all at once still gather.

Two kinds of pages wait apart. Rereads take only slots that no other page wants. A quarantined page (core/quarantine.py) runs
solo, once the worker has warmed up; until then the others overtake it.
"""

import heapq
import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from ocr_celery.core.quarantine import SUSPECT_WARMUP

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchPolicy:
    """How pages gather."""

    size: int  #: most pages in the engine
    timeout: float  #: seconds an idle engine waits for a batch to fill
    refill: bool = True  #: False: a batch enters only when the one before has left completely
    warmup: float = SUSPECT_WARMUP  #: seconds a worker must have been at work before a quarantined page is tried


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineState:
    """The engine as the caller knows it now; times in seconds of one clock."""

    now: float
    in_engine: int  #: pages in the engine
    idle_since: float  #: when it became empty
    working_since: float = 0.0  #: when the first page was ready
    storing: int = 0  #: pages that left it and whose result is not stored yet: a crash would lose their readings
    solo: bool = False  #: a quarantined page is in it
    draining: bool = False  #: no further page will be ready
    paused_until: float = 0.0  #: nothing enters before: the engine is unavailable


class Batcher(Generic[T]):
    """First come, first served; never loses, repeats or reorders an item of a kind."""

    def __init__(self, policy: BatchPolicy) -> None:
        self.policy = policy
        self._waiting: deque[tuple[float, T]] = deque()
        self._rereads: deque[T] = deque()
        self._quarantined: list[tuple[int, int, T]] = []  # a heap
        self._quarantine_order = 0

    def __len__(self) -> int:
        return len(self._waiting) + len(self._rereads) + len(self._quarantined)

    def add(self, item: T, *, now: float) -> None:
        """Queue an item that is ready at `now`."""
        self._waiting.append((now, item))

    def enqueue_reread(self, item: T) -> None:
        """Queue an item for another reading, which takes only slots that no other item wants."""
        self._rereads.append(item)

    def enqueue_quarantined(self, item: T, *, solo_strikes: int = 0) -> None:
        """Queue an item that runs solo; those with fewer solo strikes come first."""
        self._quarantine_order += 1
        heapq.heappush(self._quarantined, (solo_strikes, self._quarantine_order, item))

    @property
    def rereads_waiting(self) -> int:
        """How many items wait to be read again, behind all others."""
        return len(self._rereads)

    @property
    def quarantined_waiting(self) -> int:
        """How many items wait to run solo."""
        return len(self._quarantined)

    def put_back(self, items: Sequence[T], *, now: float) -> None:
        """Queue items again that the engine did not accept: before all others, in their order."""
        self._waiting.extendleft((now, item) for item in reversed(items))

    def remove(self, item: T) -> bool:
        """Take an item out that waits, for whatever. Whether it was there."""
        before = len(self)
        self._waiting = deque(pair for pair in self._waiting if pair[1] is not item)
        self._rereads = deque(other for other in self._rereads if other is not item)
        self._quarantined = [entry for entry in self._quarantined if entry[2] is not item]
        heapq.heapify(self._quarantined)
        return len(self) < before

    def remove_rereads(self) -> list[T]:
        """Take all queued rereads out and return them."""
        given = list(self._rereads)
        self._rereads.clear()
        return given

    def due_in(self, state: EngineState) -> float | None:
        """Seconds until something may enter: 0 if now, None if that takes another page or a freed slot."""
        due = self._due_in(state)
        return None if due is None else max(due, state.paused_until - state.now)

    def _due_in(self, state: EngineState) -> float | None:
        in_engine = state.in_engine
        if state.solo or in_engine >= self.policy.size or (in_engine and not self.policy.refill):
            return None
        trial = self.warmup_left(state) if self._quarantined else math.inf
        if trial == 0:
            return None if in_engine or state.storing else 0.0
        due = min(trial, self._batch_in(state))
        return None if due == math.inf else due

    def warmup_left(self, state: EngineState) -> float:
        """Seconds until a crash counts as evidence against a page that runs solo."""
        return max(0.0, state.working_since + self.policy.warmup - state.now)

    def _batch_in(self, state: EngineState) -> float:
        if not self._waiting:
            return 0.0 if self._rereads else math.inf
        if state.in_engine or state.draining or len(self._waiting) >= self.policy.size:
            return 0.0
        oldest, _ = self._waiting[0]
        return max(0.0, max(oldest, state.idle_since) + self.policy.timeout - state.now)

    def take(self, state: EngineState) -> list[T]:
        """What enters now, oldest first; empty when nothing is due. A quarantined item comes by itself."""
        if self.due_in(state) != 0:
            return []
        if self._quarantined and not self.warmup_left(state):
            return [heapq.heappop(self._quarantined)[2]]
        room = self.policy.size - state.in_engine
        first = [self._waiting.popleft()[1] for _ in range(min(room, len(self._waiting)))]
        return first + [self._rereads.popleft() for _ in range(min(room - len(first), len(self._rereads)))]
