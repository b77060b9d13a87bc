"""Where pages are prepared: images in one lane, what is to be fetched in others by batch, host and address, so that none waits
for another.
"""

import logging
import threading
import time
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, IPv6Network

from ocr_celery import message
from ocr_celery.consumer.page_run import Entry
from ocr_celery.consumer.threads import Threads
from ocr_celery.core.fetch_queue import SINGLE, Turns
from ocr_celery.core.fetch_shares import Turn
from ocr_celery.errors import DownloadTimeout, OcrError

log = logging.getLogger(__name__)

FETCHERS = 2  #: fetching threads for each preparing one: a host gets at most half of them
_NETWORK = 64  #: bits of an IPv6 address that tell one subscriber from another


class Lanes:
    """`count` threads that prepare images, and FETCHERS times as many that fetch pages and prepare them."""

    def __init__(
        self, count: int, prepare: Callable[[Entry], None], locate: Callable[[str], IPv4Address | IPv6Address]
    ) -> None:
        """`locate` finds the address of a URL's host, however long that takes, and raises the `OcrError` of the page."""
        self._prepare = prepare
        self._locate = locate
        self._images = Threads("prepare", count)
        self._turns = Turns[Entry](threads=FETCHERS * count)
        self._changed = threading.Condition()
        for i in range(FETCHERS * count):
            threading.Thread(target=self._fetch, name=f"fetch-{i}", daemon=True).start()

    def add(self, entry: Entry, url: str) -> None:
        """This page is to be prepared; `url`: what it is to be fetched from, "" for nothing."""
        host = message.host(url)
        if not host:
            self._images.submit(self._prepare, entry)
            return
        entry.url = url
        with self._changed:
            self._turns.add(entry, host, _batch(entry))
            self._changed.notify()

    def held_up(self) -> int:
        """How many pages wait for what is slow or hangs; they should keep no others from being taken."""
        with self._changed:
            return self._turns.held_up(time.monotonic())

    def give_up(self) -> list[Entry]:
        """The pages whose turn to be fetched has not come, and now does not."""
        with self._changed:
            return self._turns.give_up()

    def _fetch(self) -> None:
        while True:
            with self._changed:
                while (turn := self._turns.take(time.monotonic())) is None:
                    self._changed.wait()
            found = self._found(turn)
            if found is not None:
                try:
                    self._prepare(found.item)
                except BaseException:  # it must not raise; with this thread a place would be lost
                    log.exception("unexpected, in %s", threading.current_thread().name)
                self._end(found)
            del turn, found

    def _found(self, turn: Turn[Entry]) -> Turn[Entry] | None:
        """The turn, when it is known where its host lies. None: that address has what it may have; the page waits on."""
        entry = turn.item
        if turn.refused:
            return _refused(turn)
        try:
            entry.address = self._locate(entry.url)
        except OcrError as refusal:
            entry.refusal = refusal
            return turn
        except Exception:  # the fetch says better what is wrong
            log.exception("unexpected, in %s", threading.current_thread().name)
            return turn
        with self._changed:
            moved = self._turns.move(turn, _place(entry.address), time.monotonic())
            self._changed.notify_all()
        return _refused(moved) if moved and moved.refused else moved

    def _end(self, turn: Turn[Entry]) -> None:
        timed_out = isinstance(turn.item.outcome, DownloadTimeout)
        with self._changed:
            self._turns.done(turn, timed_out=timed_out, now=time.monotonic())
            self._changed.notify_all()


def _refused(turn: Turn[Entry]) -> Turn[Entry]:
    turn.item.refusal = DownloadTimeout(f"{turn.host} has not answered of late.")
    return turn


def _batch(entry: Entry) -> str:
    """What a page was sent together with: its group, or the task that sent it."""
    request = entry.request
    root = request.root_id if request.root_id != request.id else None
    return str(request.group or root or SINGLE)[:100]


def _place(address: IPv4Address | IPv6Address) -> str:
    """An address, of IPv6 the network that one subscriber has."""
    return str(address if address.version == 4 else IPv6Network((int(address) >> _NETWORK << _NETWORK, _NETWORK)))
