"""How many pixels may be decoded at the same moment, over all preparing threads: memory is bounded, not pages."""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Condition

#: how many smaller pictures may pass one that waits, before the smaller ones wait too and it gets its share
MOST_OVERTAKEN = 64


@dataclass(eq=False, slots=True)
class _Waiting:
    pixels: int
    overtaken: int = 0


class PixelBudget:
    """A number of pixels that threads share. One per process."""

    def __init__(self, total: int) -> None:
        """`total` in pixels, at least 1."""
        if total < 1:
            raise ValueError(f"a pixel budget must be at least 1, not {total}")
        self._total = total
        self._free = total
        self._waiting: deque[_Waiting] = deque()
        self._changed = Condition()

    @contextmanager
    def share(self, pixels: int) -> Iterator[None]:
        """Hold this many pixels, waiting until they are free. More than the total is the total: it runs alone.

        A thread must hold one share at a time: asking for a second one while holding the first may wait for ever.
        """
        pixels = min(pixels, self._total)
        self._take(pixels)
        try:
            yield
        finally:
            with self._changed:
                self._free += pixels
                self._changed.notify_all()

    def _take(self, pixels: int) -> None:
        me = _Waiting(pixels)
        with self._changed:
            self._waiting.append(me)
            try:
                self._changed.wait_for(lambda: self._may_go(me))
                for other in self._waiting:
                    if other is me:
                        break
                    other.overtaken += 1
                self._free -= pixels
            finally:
                self._waiting.remove(me)
                self._changed.notify_all()  # those behind me may have waited for me to go first

    def _may_go(self, me: _Waiting) -> bool:
        if me.pixels > self._free:
            return False
        oldest = self._waiting[0]
        return oldest is me or oldest.overtaken < MOST_OVERTAKEN
