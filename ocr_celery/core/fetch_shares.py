"""What one batch, host or address has of the fetches that are under way, and how it has fared: what `core.turns` decides by.

Times are in seconds of one clock.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")

SLOW = 1.0  #: seconds after which a fetch is held up by its host
DOWN = 30.0  #: seconds for which nobody asks a host that is down


@dataclass(slots=True)
class Share:
    """What one batch, host or address has of the threads."""

    begun: list[float] = field(default_factory=list)  #: of each fetch under way
    timeouts: int = 0  #: in a row
    down_until: float = 0.0

    def end(self, *, timed_out: bool, most: int, now: float) -> None:
        """A fetch came to an end; `most`: timeouts in a row after which it counts as down."""
        self.timeouts = self.timeouts + 1 if timed_out else 0
        self.down_until = now + DOWN if self.timeouts >= most else 0.0

    def is_slow(self, now: float) -> bool:
        """Whether what waits behind it is held up by it: half of its fetches are slow, or the last timed out."""
        slow = sum(now - begun > SLOW for begun in self.begun)
        return self.timeouts > 0 or (slow > 0 and 2 * slow >= len(self.begun))


@dataclass(slots=True)
class Host(Share):
    """A host, whoever its pages are fetched for."""

    place: str = ""  #: its address, or its domain
    waiting: int = 0


@dataclass(slots=True)
class Sender(Share, Generic[T]):
    """A batch, or all pages that belong to none."""

    waiting: dict[str, deque[T]] = field(default_factory=dict)  #: by host, in the order of their turns
    places: dict[str, Share] = field(default_factory=dict)  #: addresses at which the last fetch of it timed out


@dataclass(frozen=True, slots=True)
class Turn(Generic[T]):
    """An item's. `refused`: without asking the host, which is down."""

    item: T
    sender: str
    host: str
    place: str
    begun: float
    refused: bool
