"""Which page is fetched next: a batch, host or address that hangs delays only its own pages.

Pure: the caller passes the time, in seconds of one monotonic clock. All fetches share `threads`:

* A batch may use at most as many threads as it leaves free. After one of its fetches timed out it may use an eighth of all
  threads until a fetch succeeds. All batches together, and all single pages together, leave an eighth free.
* An address may use at most three times as many threads as it leaves free, for all host names and groups together.
  A host whose address is unknown counts towards its domain, because the name server may hang as well.
* A host may use at most as many threads as it leaves free. After a timeout it gets one fetch at a time until one succeeds.
  After `max_per_host` consecutive timeouts it is down: for DOWN seconds its items time out without a connection.
  An address is down for a single batch in the same way; other groups may still use it, since addresses are shared.

Groups (a batch, or all single pages) are served round-robin, and so are the hosts of one group.
"""

from collections import deque
from dataclasses import replace
from typing import Generic, TypeVar

from ocr_celery.core.fetch_shares import FetchGroup, FetchTicket, HostShare, Share

T = TypeVar("T")

NO_BATCH = ""  #: the group of all pages that belong to no batch
MAX_STALLED = 1000  #: `FetchQueue.stalled` reports no more than this
_MAX_REMEMBERED = 1000  #: hosts, and groups; above it the idle ones are forgotten
_ADDRESS_FACTOR = 3  #: an address may use this many times the threads that it leaves free
_EIGHTH = 8


class FetchQueue(Generic[T]):
    """First come, first served within one host of one group; never loses or repeats an item."""

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self.max_per_host = max(1, threads // 2)  #: fetches in progress
        self._eighth = max(1, threads // _EIGHTH)
        self._groups: dict[str, FetchGroup[T]] = {}  # the next group first
        self._hosts: dict[str, HostShare] = {}
        self._addresses: dict[str, Share] = {}  # only those with a fetch in progress
        self._running = {True: 0, False: 0}  # fetches of single pages, and of batches
        self._cancelled = False

    def add(self, item: T, host: str, group: str = NO_BATCH) -> None:
        """Enqueue an item that is fetched from this host. `group`: its batch."""
        self._forget_idle()
        self._groups.setdefault(group, FetchGroup()).waiting.setdefault(host, deque()).append(item)
        self._hosts.setdefault(host, HostShare(address=domain(host))).waiting += 1

    def take(self, now: float) -> FetchTicket[T] | None:
        """The next item to fetch; None while every item that waits has reached a limit."""
        for name, group in self._groups.items():
            has_room = bool(group.waiting) and self._group_has_room(name)
            for host in group.waiting:
                is_down = self._is_down(name, host, now)
                if is_down or (has_room and self._host_has_room(host)):
                    return self._start(name, host, now, is_down=is_down)
        return None

    def set_address(self, ticket: FetchTicket[T], address: str, now: float) -> FetchTicket[T] | None:
        """The host was resolved. Returns the ticket to go on with; None: the address is at its limit, the item waits again."""
        host = self._hosts[ticket.host]
        host.address = address
        if ticket.is_down:
            return ticket
        self._release(ticket)
        if self._is_down(ticket.group, ticket.host, now):
            return replace(ticket, address=address, is_down=True)
        if self._cancelled or self._address_has_room(address):
            moved = replace(ticket, address=address)
            self._occupy(moved)
            return moved
        self._groups[ticket.group].waiting.setdefault(ticket.host, deque()).appendleft(ticket.item)
        host.waiting += 1
        return None

    def finish(self, ticket: FetchTicket[T], *, timed_out: bool, now: float) -> None:
        """The fetch of this ticket ended."""
        if ticket.is_down:
            return
        self._release(ticket)
        group = self._groups[ticket.group]
        address = group.addresses.setdefault(ticket.address, Share())
        for share in (self._hosts[ticket.host], group, address):
            share.record_end(timed_out=timed_out, max_timeouts=self.max_per_host, now=now)
        if ticket.group == NO_BATCH or not timed_out:
            del group.addresses[ticket.address]

    def stalled(self, now: float) -> int:
        """How many items wait for a host, an address or a batch that is slow or hangs."""
        stalled = sum(len(host.started_at) for host in self._hosts.values() if host.is_slow(now))
        for name, group in self._groups.items():
            is_slow = name != NO_BATCH and group.is_slow(now)
            for host, queue in group.waiting.items():
                if is_slow or self._is_slow(host, now):
                    stalled += len(queue)
        return min(MAX_STALLED, stalled)

    def remove_waiting(self) -> list[T]:
        """Remove and return all items that wait. No item waits again after this, see `set_address`."""
        self._cancelled = True
        waiting = [item for group in self._groups.values() for queue in group.waiting.values() for item in queue]
        for group in self._groups.values():
            group.waiting.clear()
        for host in self._hosts.values():
            host.waiting = 0
        return waiting

    # -- limits ----------------------------------------------------------------------------------------------------------

    @property
    def _free(self) -> int:
        return self.threads - sum(self._running.values())

    def _group_has_room(self, name: str) -> bool:
        if self._running[name == NO_BATCH] >= self.threads - self._eighth:
            return False
        if name == NO_BATCH:
            return True
        group = self._groups[name]
        return len(group.started_at) < min(self._free, self._eighth if group.timeouts else self.threads)

    def _host_has_room(self, name: str) -> bool:
        host = self._hosts[name]
        limit = min(self._free, 1 if host.timeouts else self.max_per_host)
        return len(host.started_at) < limit and self._address_has_room(host.address)

    def _address_has_room(self, name: str) -> bool:
        running = len(self._addresses[name].started_at) if name in self._addresses else 0
        return running < _ADDRESS_FACTOR * self._free

    def _is_down(self, group: str, name: str, now: float) -> bool:
        host = self._hosts[name]
        address = self._groups[group].addresses.get(host.address)
        return host.down_until > now or (address is not None and address.down_until > now)

    def _is_slow(self, name: str, now: float) -> bool:
        host = self._hosts[name]
        address = self._addresses.get(host.address)
        return host.is_slow(now) or (address is not None and address.is_slow(now))

    # -- fetches in progress ---------------------------------------------------------------------------------------------

    def _start(self, group_name: str, host_name: str, now: float, *, is_down: bool) -> FetchTicket[T]:
        """Take the oldest item of this host; its host and its group go to the end of their rounds."""
        group = self._groups.pop(group_name)
        self._groups[group_name] = group
        host = self._hosts[host_name]
        queue = group.waiting.pop(host_name)
        ticket = FetchTicket(queue.popleft(), group_name, host_name, host.address, now, is_down)
        if queue:
            group.waiting[host_name] = queue
        host.waiting -= 1
        if not is_down:
            self._occupy(ticket)
        return ticket

    def _occupy(self, ticket: FetchTicket[T]) -> None:
        self._running[ticket.group == NO_BATCH] += 1
        address = self._addresses.setdefault(ticket.address, Share())
        for share in (self._groups[ticket.group], self._hosts[ticket.host], address):
            share.started_at.append(ticket.started_at)

    def _release(self, ticket: FetchTicket[T]) -> None:
        self._running[ticket.group == NO_BATCH] -= 1
        address = self._addresses[ticket.address]
        for share in (self._groups[ticket.group], self._hosts[ticket.host], address):
            share.started_at.remove(ticket.started_at)
        if not address.started_at:
            del self._addresses[ticket.address]

    def _forget_idle(self) -> None:
        if len(self._hosts) > _MAX_REMEMBERED:
            self._hosts = {name: h for name, h in self._hosts.items() if h.waiting or h.started_at}
        if len(self._groups) > _MAX_REMEMBERED:
            self._groups = {name: s for name, s in self._groups.items() if s.waiting or s.started_at}


def domain(host: str) -> str:
    """The last two labels of a host name: they stand for its address while that is unknown."""
    return ".".join(host.rstrip(".").rsplit(".", 2)[-2:])
