"""Whose turn it is to be decoded: costly pages have seats and memory of their own, so that they hold up no others. Pure.

A page is expected to be quick unless its header says that it takes much memory. One that takes longer than the others
would wait for becomes costly where it is, if a costly seat and its memory are free; else it starts again in its turn.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Generic, Protocol, TypeVar


class Item(Protocol):
    """What waits."""

    memory: int  #: bytes it may take, more than 0
    costly: bool


T = TypeVar("T", bound=Item)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What there is for one kind of page."""

    pages: int  #: pages at once
    memory: int  #: bytes, of all together


class DecodeQueue(Generic[T]):
    """First come, first served among the quick, and among the costly; never loses or repeats an item."""

    def __init__(self, quick: Limits, costly: Limits) -> None:
        self._limits = {False: quick, True: costly}
        self._waiting: dict[bool, deque[T]] = {False: deque(), True: deque()}
        self._decoding: dict[bool, list[T]] = {False: [], True: []}

    @property
    def costly(self) -> int:
        """How many costly pages wait or are decoded."""
        return len(self._waiting[True]) + len(self._decoding[True])

    def add(self, item: T) -> None:
        """This one waits from now on."""
        item.memory = min(item.memory, self._limits[True].memory)
        item.costly = item.costly or item.memory > self.max_quick_memory
        self._waiting[item.costly].append(item)

    def is_waiting(self, item: T) -> bool:
        """Whether this one is not decoded yet."""
        return item in self._waiting[item.costly]

    @property
    def waiting(self) -> Iterator[T]:
        """All that wait."""
        return chain(*self._waiting.values())

    @property
    def max_quick_memory(self) -> int:
        """Bytes, so that all quick seats can be taken."""
        quick = self._limits[False]
        return quick.memory // quick.pages

    def take(self, *, costly: bool) -> T | None:
        """The next of this kind; None where none waits, or what there is for it is taken."""
        waiting = self._waiting[costly]
        if not waiting or not self._has_room(waiting[0], costly=costly):
            return None
        item = waiting.popleft()
        self._decoding[costly].append(item)
        return item

    def try_make_costly(self, item: T) -> bool:
        """A quick page that is being decoded takes long. Whether it may go on; else it is to start again, after those that
        wait: overtaken by one after the other, one that needs all memory would never have its turn."""
        if self._waiting[True] or not self._has_room(item, costly=True):
            return False
        self._decoding[False].remove(item)
        self._decoding[True].append(item)
        item.costly = True
        return True

    def remove(self, item: T) -> None:
        """This one is decoded no more."""
        self._decoding[item.costly].remove(item)

    def cancel_waiting(self, *, costly: bool) -> list[T]:
        """All of this kind that wait, which now do not any more."""
        waiting = list(self._waiting[costly])
        self._waiting[costly].clear()
        return waiting

    def _has_room(self, item: T, *, costly: bool) -> bool:
        limits, decoding = self._limits[costly], self._decoding[costly]
        return len(decoding) < limits.pages and sum(other.memory for other in decoding) + item.memory <= limits.memory
