"""Where pages are prepared: images in one lane, what is to be fetched in others by host, so that neither waits for the
other."""

import threading
import time
from collections.abc import Callable

from ocr_celery.consumer.entry import Entry
from ocr_celery.consumer.threads import Threads
from ocr_celery.core.turns import Turns
from ocr_celery.errors import DownloadTimeout

FETCHERS = 2  #: fetching threads for each preparing one: a host gets at most half of them


class Lanes:
    """`count` threads that prepare images, and FETCHERS times as many that fetch pages and prepare them."""

    def __init__(self, count: int, prepare: Callable[[Entry], None]) -> None:
        self._prepare = prepare
        self._images = Threads("prepare", count)
        self._turns = Turns[Entry](most=count)
        self._changed = threading.Condition()
        for i in range(FETCHERS * count):
            threading.Thread(target=self._fetch, name=f"fetch-{i}", daemon=True).start()

    def add(self, entry: Entry, host: str) -> None:
        """This page is to be prepared; `host`: where it is to be fetched from, "" for nowhere."""
        if not host:
            self._images.submit(self._prepare, entry)
            return
        with self._changed:
            self._turns.add(entry, host)
            self._changed.notify()

    def held_up(self) -> int:
        """How many pages wait for hosts that are slow or hang; they should keep no others from being taken."""
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
            entry = turn.item
            if turn.refused:
                entry.refusal = DownloadTimeout(f"{turn.host} has not answered of late.")
            self._prepare(entry)
            with self._changed:
                timed_out = isinstance(entry.outcome, DownloadTimeout)
                self._turns.done(turn, timed_out=timed_out, now=time.monotonic())
                self._changed.notify_all()
            del turn, entry
