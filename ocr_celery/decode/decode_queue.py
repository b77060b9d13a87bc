"""Which page is decoded next: costly pages have threads and memory of their own, so that they do not delay others. Pure.

A page counts as quick unless its header shows that it needs much memory. A quick page that takes too long becomes costly
without interruption if a costly thread and its memory are free; otherwise it is decoded again from the start, in its turn.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Generic, Protocol, TypeVar


class Item(Protocol):
    """A page that is to be decoded."""

    memory: int  #: bytes that decoding may use, more than 0
    costly: bool


T = TypeVar("T", bound=Item)


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodeLimits:
    """The limits of one kind of page, quick or costly."""

    pages: int  #: decoded at once
    memory: int  #: bytes, of all these pages together


class DecodeQueue(Generic[T]):
    """First come, first served within the quick and within the costly pages; never loses or repeats an item."""

    def __init__(self, quick: DecodeLimits, costly: DecodeLimits) -> None:
        self._limits = {False: quick, True: costly}
        self._waiting: dict[bool, deque[T]] = {False: deque(), True: deque()}
        self._decoding: dict[bool, list[T]] = {False: [], True: []}

    @property
    def costly(self) -> int:
        """How many costly pages wait or are being decoded."""
        return len(self._waiting[True]) + len(self._decoding[True])

    def add(self, item: T) -> None:
        """Enqueue. Sets `item.costly` by its memory, and lowers the memory to all that there is."""
        item.memory = min(item.memory, self._limits[True].memory)
        item.costly = item.costly or item.memory > self.max_quick_memory
        self._waiting[item.costly].append(item)

    def is_waiting(self, item: T) -> bool:
        """Whether the item has not been taken yet."""
        return item in self._waiting[item.costly]

    @property
    def waiting(self) -> Iterator[T]:
        """All items that wait."""
        return chain(*self._waiting.values())

    @property
    def max_quick_memory(self) -> int:
        """Bytes; with this limit for each page all quick threads can work at once."""
        quick = self._limits[False]
        return quick.memory // quick.pages

    def take(self, *, costly: bool) -> T | None:
        """The next item of this kind; None if none waits or a limit is reached."""
        waiting = self._waiting[costly]
        if not waiting or not self._has_room(waiting[0], costly=costly):
            return None
        item = waiting.popleft()
        self._decoding[costly].append(item)
        return item

    def try_make_costly(self, item: T) -> bool:
        """A quick page takes too long. Returns whether it may continue as a costly one; if not, it must be added again.

        It may not pass costly pages that wait: else one that needs all the memory might never start.
        """
        if self._waiting[True] or not self._has_room(item, costly=True):
            return False
        self._decoding[False].remove(item)
        self._decoding[True].append(item)
        item.costly = True
        return True

    def remove(self, item: T) -> None:
        """The item is no longer being decoded."""
        self._decoding[item.costly].remove(item)

    def remove_waiting(self, *, costly: bool) -> list[T]:
        """Remove and return all items of this kind that wait."""
        waiting = list(self._waiting[costly])
        self._waiting[costly].clear()
        return waiting

    def _has_room(self, item: T, *, costly: bool) -> bool:
        limits, decoding = self._limits[costly], self._decoding[costly]
        return len(decoding) < limits.pages and sum(other.memory for other in decoding) + item.memory <= limits.memory
