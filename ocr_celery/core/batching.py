"""When pages that are ready enter the engine. Pure: the caller brings the time.

`size` bounds the pages inside the engine; a batch is how they enter. Into an idle engine goes a full batch, or what there
is once the wait has lasted `timeout`. Into a running one goes a page for every place that is free, at once: a long page
never makes the others wait for the next batch. The wait counts from when the oldest page was ready and the engine idle,
whichever came last, so that pages arriving behind a batch that ended in one moment still gather.
"""

from collections import deque
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchPolicy:
    """How pages gather."""

    size: int  #: most pages inside the engine
    timeout: float  #: seconds an idle engine waits for a batch to fill


class Batcher(Generic[T]):
    """First come, first served; never loses, repeats or reorders an item."""

    def __init__(self, policy: BatchPolicy) -> None:
        self.policy = policy
        self._waiting: deque[tuple[float, T]] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, item: T, *, now: float) -> None:
        """This item is ready."""
        self._waiting.append((now, item))

    def due_in(self, *, now: float, inside: int, idle_since: float, hurry: bool = False) -> float | None:
        """Seconds until something may enter: 0 if now, None if it takes another page or a freed place.

        `inside`: items in the engine. `idle_since`: when it became empty. `hurry`: nothing more is coming.
        """
        if not self._waiting or inside >= self.policy.size:
            return None
        if inside or hurry or len(self._waiting) >= self.policy.size:
            return 0.0
        oldest, _ = self._waiting[0]
        return max(0.0, max(oldest, idle_since) + self.policy.timeout - now)

    def take(self, *, now: float, inside: int, idle_since: float, hurry: bool = False) -> list[T]:
        """What enters now, oldest first; empty when nothing is due."""
        if self.due_in(now=now, inside=inside, idle_since=idle_since, hurry=hurry) != 0:
            return []
        room = min(self.policy.size - inside, len(self._waiting))
        return [self._waiting.popleft()[1] for _ in range(room)]
