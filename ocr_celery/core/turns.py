"""Whose turn it is to be fetched, by host: one that hangs holds up its own pages and no others. Pure: the caller brings
the time, in seconds of one clock.

Hosts take turns, and none may have more than `most` fetches at once, of the more that there are threads for. One that has
timed out, without an answer since, gets one at a time; after `most` in a row it counts as down, and what is to be fetched
from it times out at once, for DOWN seconds. So 500 pages of a host that hangs end soon, and nobody waits behind them.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")

SLOW = 1.0  #: seconds after which a fetch is held up by its host
DOWN = 30.0  #: seconds for which nobody asks a host that is down
MOST_HELD_UP = 1000  #: pages that count as held up at once
_REMEMBERED = 1000  #: hosts, beyond which those that no page waits for are forgotten


@dataclass(slots=True)
class _Host(Generic[T]):
    waiting: deque[T] = field(default_factory=deque)
    begun: list[float] = field(default_factory=list)  #: of each fetch under way
    timeouts: int = 0  #: in a row
    down_until: float = 0.0

    def is_held_up(self, now: float) -> bool:
        return self.timeouts > 0 or (bool(self.begun) and now - self.begun[0] > SLOW)


@dataclass(frozen=True, slots=True)
class Turn(Generic[T]):
    """Somebody's. `refused`: without asking the host, which is down."""

    item: T
    host: str
    begun: float
    refused: bool


class Turns(Generic[T]):
    """First come, first served within a host; never loses or repeats an item."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._hosts: dict[str, _Host[T]] = {}  # in the order of their turns

    def add(self, item: T, host: str) -> None:
        """This is to be fetched from there."""
        if len(self._hosts) > _REMEMBERED:
            self._hosts = {name: h for name, h in self._hosts.items() if h.waiting or h.begun}
        self._hosts.setdefault(host, _Host()).waiting.append(item)

    def take(self, now: float) -> Turn[T] | None:
        """The next, None where all have what they may have."""
        for name, host in self._hosts.items():
            refused = host.down_until > now
            if host.waiting and (refused or len(host.begun) < (1 if host.timeouts else self.most)):
                self._hosts[name] = self._hosts.pop(name)  # its next turn comes after everybody else's
                if not refused:
                    host.begun.append(now)
                return Turn(host.waiting.popleft(), name, now, refused)
        return None

    def done(self, turn: Turn[T], *, timed_out: bool, now: float) -> None:
        """The turn is over."""
        if turn.refused:
            return
        host = self._hosts[turn.host]
        host.begun.remove(turn.begun)
        host.timeouts = host.timeouts + 1 if timed_out else 0
        host.down_until = now + DOWN if host.timeouts >= self.most else 0.0
        if not (host.waiting or host.begun or host.timeouts):
            del self._hosts[turn.host]

    def held_up(self, now: float) -> int:
        """How many pages wait for a host that is slow or hangs."""
        slow = (host for host in self._hosts.values() if host.is_held_up(now))
        return min(MOST_HELD_UP, sum(len(host.waiting) + len(host.begun) for host in slow))

    def give_up(self) -> list[T]:
        """All that wait for their turn, which now does not come."""
        waiting = [item for host in self._hosts.values() for item in host.waiting]
        for host in self._hosts.values():
            host.waiting.clear()
        return waiting
