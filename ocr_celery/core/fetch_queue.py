"""Whose turn it is to be fetched: a batch, a host or an address that hangs holds up its own pages and no others.

Pure: the caller brings the time, in seconds of one clock. Fetches share `threads`, of which

* a batch gets at most as many as it leaves free, so that another batch and a single page find one; after a fetch of it has
  timed out, an eighth until one answers. All batches together, and all single pages together, leave an eighth free.
* an address gets at most three times as many as it leaves free, whatever its hosts are called and whoever sent the pages.
  What an address is not known of yet counts for its domain, as finding the address may hang, too.
* a host gets at most as many as it leaves free. One that has timed out gets one at a time until it answers; after as many
  in a row as it may have at once it counts as down, and what is to be fetched from it times out without being asked for,
  for DOWN seconds. So does an address for a batch: what others fetch from there may answer, as addresses are shared.

Batches (and single pages, as if they were one batch) take turns, and within each of them hosts.
"""

from collections import deque
from dataclasses import replace
from typing import Generic, TypeVar

from ocr_celery.core.fetch_shares import Host, Sender, Share, Turn

T = TypeVar("T")

SINGLE = ""  #: the sender of all pages that belong to no batch
MOST_HELD_UP = 1000  #: pages that count as held up at once
_REMEMBERED = 1000  #: hosts, and batches, beyond which those that no page waits for are forgotten
_ADDRESS_TAKES = 3  #: times what it leaves free
_EIGHTH = 8


class Turns(Generic[T]):
    """First come, first served within a host of a batch; never loses or repeats an item."""

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self.most = max(1, threads // 2)  #: fetches from one host at once
        self._few = max(1, threads // _EIGHTH)
        self._senders: dict[str, Sender[T]] = {}  # in the order of their turns
        self._hosts: dict[str, Host] = {}
        self._places: dict[str, Share] = {}  # only those that something is fetched from
        self._under_way = {True: 0, False: 0}  # fetches of single pages, and of batches
        self._over = False

    def add(self, item: T, host: str, sender: str = SINGLE) -> None:
        """This is to be fetched from there. `sender`: the batch it is of."""
        self._forget()
        self._senders.setdefault(sender, Sender()).waiting.setdefault(host, deque()).append(item)
        self._hosts.setdefault(host, Host(place=domain(host))).waiting += 1

    def take(self, now: float) -> Turn[T] | None:
        """The next, None where all have what they may have."""
        for name, sender in self._senders.items():
            has_room = self._sender_has_room(name)
            for host in sender.waiting:
                if (refused := self._is_down(name, host, now)) or (has_room and self._host_has_room(host)):
                    return self._taken(name, host, now, refused=refused)
        return None

    def move(self, turn: Turn[T], place: str, now: float) -> Turn[T] | None:
        """The host was found to lie at this address. None: that has what it may have, and the item waits for its next turn."""
        host = self._hosts[turn.host]
        host.place = place
        if turn.refused:
            return turn
        self._release(turn)
        if self._is_down(turn.sender, turn.host, now):
            return replace(turn, place=place, refused=True)
        if self._over or self._place_has_room(place):
            moved = replace(turn, place=place)
            self._begin(moved)
            return moved
        self._senders[turn.sender].waiting.setdefault(turn.host, deque()).appendleft(turn.item)
        host.waiting += 1
        return None

    def done(self, turn: Turn[T], *, timed_out: bool, now: float) -> None:
        """The turn is over."""
        if turn.refused:
            return
        self._release(turn)
        sender = self._senders[turn.sender]
        there = sender.places.setdefault(turn.place, Share())
        for share in (self._hosts[turn.host], sender, there):
            share.end(timed_out=timed_out, most=self.most, now=now)
        if turn.sender == SINGLE or not timed_out:
            del sender.places[turn.place]

    def held_up(self, now: float) -> int:
        """How many pages wait for a host, an address or a batch that is slow or hangs."""
        held_up = sum(len(host.begun) for host in self._hosts.values() if host.is_slow(now))
        for name, sender in self._senders.items():
            slow = name != SINGLE and sender.is_slow(now)
            held_up += sum(len(queue) for host, queue in sender.waiting.items() if slow or self._is_slow(host, now))
        return min(MOST_HELD_UP, held_up)

    def give_up(self) -> list[T]:
        """All that wait for their turn, which now does not come; none waits again after it has come."""
        self._over = True
        waiting = [item for sender in self._senders.values() for queue in sender.waiting.values() for item in queue]
        for sender in self._senders.values():
            sender.waiting.clear()
        for host in self._hosts.values():
            host.waiting = 0
        return waiting

    # -- who may -------------------------------------------------------------------------------------------------------

    @property
    def _free(self) -> int:
        return self.threads - sum(self._under_way.values())

    def _sender_has_room(self, name: str) -> bool:
        if self._under_way[name == SINGLE] >= self.threads - self._few:
            return False
        sender = self._senders[name]
        return name == SINGLE or len(sender.begun) < min(self._free, self._few if sender.timeouts else self.threads)

    def _host_has_room(self, name: str) -> bool:
        host = self._hosts[name]
        return len(host.begun) < min(self._free, 1 if host.timeouts else self.most) and self._place_has_room(host.place)

    def _is_down(self, sender: str, host: str, now: float) -> bool:
        there = self._hosts[host]
        place = self._senders[sender].places.get(there.place)
        return there.down_until > now or (place is not None and place.down_until > now)

    def _place_has_room(self, name: str) -> bool:
        begun = self._places[name].begun if name in self._places else ()
        return len(begun) < _ADDRESS_TAKES * self._free

    def _is_slow(self, host: str, now: float) -> bool:
        there = self._hosts[host]
        return there.is_slow(now) or (there.place in self._places and self._places[there.place].is_slow(now))

    # -- what is under way ---------------------------------------------------------------------------------------------

    def _taken(self, sender: str, host: str, now: float, *, refused: bool) -> Turn[T]:
        """The oldest item of this host; the next turns come after everybody else's."""
        of, there = self._senders[sender], self._hosts[host]
        queue = of.waiting.pop(host)
        turn = Turn(queue.popleft(), sender, host, there.place, now, refused)
        if queue:
            of.waiting[host] = queue
        self._senders[sender] = self._senders.pop(sender)
        there.waiting -= 1
        if not refused:
            self._begin(turn)
        return turn

    def _begin(self, turn: Turn[T]) -> None:
        self._under_way[turn.sender == SINGLE] += 1
        place = self._places.setdefault(turn.place, Share())
        for share in (self._senders[turn.sender], self._hosts[turn.host], place):
            share.begun.append(turn.begun)

    def _release(self, turn: Turn[T]) -> None:
        self._under_way[turn.sender == SINGLE] -= 1
        place = self._places[turn.place]
        for share in (self._senders[turn.sender], self._hosts[turn.host], place):
            share.begun.remove(turn.begun)
        if not place.begun:
            del self._places[turn.place]

    def _forget(self) -> None:
        if len(self._hosts) > _REMEMBERED:
            self._hosts = {name: h for name, h in self._hosts.items() if h.waiting or h.begun}
        if len(self._senders) > _REMEMBERED:
            self._senders = {name: s for name, s in self._senders.items() if s.waiting or s.begun}


def domain(host: str) -> str:
    """What stands for the address of a host that is not known yet: the end of its name."""
    return ".".join(host.rstrip(".").rsplit(".", 2)[-2:])
