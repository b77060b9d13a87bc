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
class Room:
    """What there is for one kind of page."""

    seats: int  #: pages at once
    memory: int  #: bytes, of all together


class Admission(Generic[T]):
    """First come, first served among the quick, and among the costly; never loses or repeats an item."""

    def __init__(self, quick: Room, costly: Room) -> None:
        self._room = {False: quick, True: costly}
        self._waiting: dict[bool, deque[T]] = {False: deque(), True: deque()}
        self._inside: dict[bool, list[T]] = {False: [], True: []}

    @property
    def costly(self) -> int:
        """How many costly pages wait or are decoded."""
        return len(self._waiting[True]) + len(self._inside[True])

    def add(self, item: T) -> None:
        """This one waits from now on."""
        item.memory = min(item.memory, self._room[True].memory)
        item.costly = item.costly or item.memory > self.most_memory_of_a_quick_page
        self._waiting[item.costly].append(item)

    def waits(self, item: T) -> bool:
        """Whether this one is not decoded yet."""
        return item in self._waiting[item.costly]

    @property
    def waiting(self) -> Iterator[T]:
        """All that wait."""
        return chain(*self._waiting.values())

    @property
    def most_memory_of_a_quick_page(self) -> int:
        """Bytes, so that all quick seats can be taken."""
        quick = self._room[False]
        return quick.memory // quick.seats

    def take(self, *, costly: bool) -> T | None:
        """The next of this kind; None where none waits, or what there is for it is taken."""
        waiting = self._waiting[costly]
        if not waiting or not self._has_room(waiting[0], costly=costly):
            return None
        item = waiting.popleft()
        self._inside[costly].append(item)
        return item

    def becomes_costly(self, item: T) -> bool:
        """A quick page that is being decoded takes long. Whether it may go on; else it is to start again, after those that
        wait: overtaken by one after the other, one that needs all memory would never have its turn."""
        if self._waiting[True] or not self._has_room(item, costly=True):
            return False
        self._inside[False].remove(item)
        self._inside[True].append(item)
        item.costly = True
        return True

    def leave(self, item: T) -> None:
        """This one is decoded no more."""
        self._inside[item.costly].remove(item)

    def give_up(self, *, costly: bool) -> list[T]:
        """All of this kind that wait, which now do not any more."""
        waiting = list(self._waiting[costly])
        self._waiting[costly].clear()
        return waiting

    def _has_room(self, item: T, *, costly: bool) -> bool:
        room, inside = self._room[costly], self._inside[costly]
        return len(inside) < room.seats and sum(other.memory for other in inside) + item.memory <= room.memory
