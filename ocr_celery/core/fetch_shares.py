"""How many fetches one batch, host or address has in progress and how they ended: the state of `core.fetch_queue`.

Times are seconds of one monotonic clock.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")

SLOW = 1.0  #: seconds after which a fetch in progress counts as slow
DOWN = 30.0  #: seconds for which a host that is down is not contacted


@dataclass(slots=True)
class Share:
    """The fetch threads that one batch, host or address uses."""

    started_at: list[float] = field(default_factory=list)  #: one entry for each fetch in progress
    timeouts: int = 0  #: consecutive
    down_until: float = 0.0

    def record_end(self, *, timed_out: bool, max_timeouts: int, now: float) -> None:
        """A fetch ended. After `max_timeouts` consecutive timeouts this counts as down for DOWN seconds."""
        self.timeouts = self.timeouts + 1 if timed_out else 0
        self.down_until = now + DOWN if self.timeouts >= max_timeouts else 0.0

    def is_slow(self, now: float) -> bool:
        """Whether half of the fetches in progress are slow, or the last one timed out."""
        slow = sum(now - started_at > SLOW for started_at in self.started_at)
        return self.timeouts > 0 or (slow > 0 and 2 * slow >= len(self.started_at))


@dataclass(slots=True)
class HostShare(Share):
    """A host, for all groups together."""

    address: str = ""  #: its IP address; its domain while the address is unknown
    waiting: int = 0  #: items


@dataclass(slots=True)
class FetchGroup(Share, Generic[T]):
    """A batch, or all single pages together."""

    waiting: dict[str, deque[T]] = field(default_factory=dict)  #: by host, the next host first
    addresses: dict[str, Share] = field(default_factory=dict)  #: those whose last fetch for this group timed out


@dataclass(frozen=True, slots=True)
class FetchTicket(Generic[T]):
    """Permission to fetch one item now."""

    item: T
    group: str
    host: str
    address: str  #: as in `HostShare.address`
    started_at: float
    is_down: bool  #: the host or its address is down: the item times out without a connection
