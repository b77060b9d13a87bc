"""Who is inside the engine and who waits to be: the batch policy put into practice, and a watch over both.

Before pages enter, Redis is told, so that the death of this process can be laid to them (store/crash_marks.py).
"""

import logging
import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Protocol

from redis import Redis
from redis.exceptions import RedisError

from ocr_celery.consumer.page_run import Entry
from ocr_celery.core.batching import Batcher, BatchPolicy, Moment
from ocr_celery.core.prefetch import Feed
from ocr_celery.core.quarantine import Cause, RunMode, run_mode
from ocr_celery.engine.contract import Engine, EngineRequest, Outcome
from ocr_celery.errors import PageDeadline
from ocr_celery.store import crash_marks
from ocr_celery.store.keys import Keys

log = logging.getLogger(__name__)

_WATCH = 1.0  #: seconds between two looks at the engine


class Owner(Protocol):
    """What becomes of pages is the owner's business. Called from several threads, and none of these may wait long."""

    def came_out(self, entry: Entry, outcome: Outcome) -> None:
        """The engine is done with the page."""

    def turned_away(self, entry: Entry) -> None:
        """The page is off: it was revoked or has expired."""

    def prepares(self, suspect: Entry) -> bool:
        """Make a page of it now that nothing else is inside. False: there is none, and the owner sees to it. May wait long."""

    def engine_broke(self, exc: BaseException, cause: Cause) -> None:
        """Nothing more will come out."""

    def nothing_more(self) -> bool:
        """Whether no further page will come."""


class Places:
    """See the module. `deadline`: seconds a page may be inside."""

    def __init__(
        self,
        engine: Engine,
        policy: BatchPolicy,
        feed: Feed,
        owner: Owner,
        *,
        redis: Redis,
        keys: Keys,
        node: str,
        deadline: float,
    ) -> None:
        self.engine, self.feed, self.owner = engine, feed, owner
        self.redis, self.keys, self.node, self.deadline = redis, keys, node, deadline
        self.batches: Counter[int] = Counter()  #: pages that entered an idle engine together → how often
        self.joined = 0  #: pages that entered a running one
        self._batcher = Batcher[Entry](policy)
        self._changed = threading.Condition()
        self._inside: dict[str, Entry] = {}
        self._leaving: set[str] = set()
        self._idle_since = self._busy_since = time.monotonic()
        self._at_work_since = math.inf  # since the first page was ready
        self._lonely = ""  # who is known in Redis as alone inside
        self._blaming = True
        self._closed = False

    def open(self) -> None:
        """Let pages in from now on."""
        threading.Thread(target=self._let_in, name="batcher", daemon=True).start()
        threading.Thread(target=self._watch, name="watch", daemon=True).start()

    def end_blame(self) -> None:
        """The worker was told to stop: if it is killed before it has, that is no page's doing."""
        self._blaming = False
        try:
            crash_marks.clear_all(self.redis, self.keys, self.node)
        except RedisError as exc:
            log.warning("Redis cannot be told that nobody is to blame: %s", exc)

    def close(self) -> None:
        """Let nobody in any more."""
        with self._changed:
            self._closed = True

    # -- waiting ---------------------------------------------------------------------------------------------------------

    def add(self, entry: Entry) -> None:
        """This page is ready, or a suspect."""
        with self._changed:
            self._at_work_since = min(self._at_work_since, time.monotonic())
            if entry.quarantined:
                self._batcher.add_suspect(entry, solo_strikes=entry.solo_strikes)
            else:
                self._batcher.add(entry, now=time.monotonic())
            self._changed.notify_all()

    def add_again(self, entry: Entry) -> None:
        """This page is to be read once more, where there is room."""
        with self._changed:
            self._leaving.discard(entry.id)
            if entry.quarantined:
                self._batcher.add_suspect(entry, solo_strikes=entry.solo_strikes)
            else:
                self._batcher.add_again(entry)
            self._changed.notify_all()

    def look_again(self) -> None:
        """`nothing_more` may have changed."""
        with self._changed:
            self._changed.notify_all()

    def give_up_again(self) -> list[Entry]:
        """The pages that were to be read once more, which now are not."""
        with self._changed:
            return self._batcher.give_up_again()

    @property
    def suspects(self) -> int:
        """How many pages wait to be read alone."""
        return self._batcher.suspects

    def counts(self) -> dict[str, int]:
        """How many pages are where."""
        with self._changed:
            return {"buffered": len(self._batcher), "running": len(self._inside), "joined-running-batch": self.joined}

    # -- entering --------------------------------------------------------------------------------------------------------

    def _let_in(self) -> None:
        while True:
            with self._changed:
                while not (batch := self._batcher.take(moment := self._moment())):
                    self._changed.wait(self._batcher.due_in(moment))
                if self._closed:
                    return
                self._admit(batch)
            try:
                self._enter(batch)
            except Exception as exc:
                self.broke(exc)

    def _moment(self) -> Moment:
        return Moment(
            now=time.monotonic(),
            inside=len(self._inside),
            leaving=len(self._leaving),
            idle_since=self._idle_since,
            at_work_since=self._at_work_since,
            alone=any(entry.quarantined for entry in self._inside.values()),
            hurry=self.owner.nothing_more(),
        )

    def _admit(self, batch: list[Entry]) -> None:
        """They count as inside from here on."""
        if not self._inside:
            self._busy_since = time.monotonic()
        self._inside.update((entry.id, entry) for entry in batch)

    def _enter(self, batch: list[Entry]) -> None:
        live = [entry for entry in batch if not self._is_off(entry)]
        if not live:
            return
        with self._changed:
            inside = len(self._inside)
            if inside == len(live):
                self.batches[inside] += 1
            else:
                self.joined += len(live)
            ids = [entry.id for entry in live]
            quarantined, warmup_left = live[0].quarantined, self._batcher.warmup_left(self._moment())
            mode = run_mode(quarantined=quarantined, in_engine=inside, warmup_left=warmup_left)
            if self._lonely in self._inside and self._lonely not in ids:
                ids.append(self._lonely)
        if self._tell(lambda: crash_marks.mark(self.redis, self.keys, self.node, ids, mode)):
            self._lonely = "" if mode is RunMode.SHARED else ids[0]
        if live[0].page is None and not self.owner.prepares(live[0]):
            self._leave(ids)
            self.forget(ids)
            self.over(ids[0])
            return
        for entry in live:
            entry.enters(batch=inside)
        self.engine.enter([_engine_request(entry) for entry in live])
        for entry in live:  # said after the fact: the engine need not wait for it
            entry.begin()

    def _is_off(self, entry: Entry) -> bool:
        if not entry.is_off():
            return False
        self._leave([entry.id])
        self.owner.turned_away(entry)
        return True

    # -- coming out ------------------------------------------------------------------------------------------------------

    def finished(self, outcomes: Sequence[Outcome]) -> None:
        """The engine's callback."""
        out = self._leave([outcome.id for outcome in outcomes])
        for outcome in outcomes:
            if outcome.id in out:  # else it was aborted
                self.owner.came_out(out[outcome.id], outcome)

    def forget(self, ids: Sequence[str]) -> None:
        """These pages have come out of the engine: no death is theirs any more."""
        self._tell(lambda: crash_marks.clear(self.redis, self.keys, self.node, ids))

    def over(self, id: str) -> None:
        """What became of this page is stored."""
        with self._changed:
            self._leaving.discard(id)
            self._changed.notify_all()

    def abort(self, entry: Entry) -> bool:
        """Free the place of a page that is inside. Whether it was."""
        if entry.id not in self._inside:
            return False
        self.engine.abort(entry.id)
        return bool(self._leave([entry.id]))

    def _leave(self, ids: Sequence[str]) -> dict[str, Entry]:
        with self._changed:
            left = {id: entry for id in ids if (entry := self._inside.pop(id, None))}
            self._leaving.update(left)
            now = time.monotonic()
            self.feed.read(len(left), now - self._busy_since)
            self._busy_since = now
            if not self._inside:
                self._idle_since = now
            self._changed.notify_all()
        return left

    # -- watching --------------------------------------------------------------------------------------------------------

    def broke(self, exc: BaseException) -> None:
        """The engine's callback."""
        self.close()
        self.owner.engine_broke(exc, Cause.ENGINE)

    def _watch(self) -> None:
        while not self._closed:
            time.sleep(_WATCH)
            if not self._closed and not self.engine.alive():
                self.broke(RuntimeError("it is not alive"))
            with self._changed:
                since = time.monotonic() - self.deadline
                late = [e for e in self._inside.values() if 0 < e.entered_at < since]  # 0: it is only just let in
            for entry in late:
                self._overrun(entry)

    def _overrun(self, entry: Entry) -> None:
        """A page that can be aborted fails alone; one that cannot goes back, and takes this worker along."""
        log.error("task %s is in the engine for more than %g s", entry.id, self.deadline)
        if self.engine.abort(entry.id):
            if self._leave([entry.id]):
                self.owner.came_out(entry, Outcome(id=entry.id, result=PageDeadline(), seconds=self.deadline))
            return
        self.close()
        self._tell(lambda: crash_marks.convict(self.redis, self.keys, self.node, entry.id, Cause.DEADLINE))
        self.owner.engine_broke(TimeoutError(f"task {entry.id} does not end"), Cause.DEADLINE)

    def _tell(self, redis: Callable[[], object]) -> bool:
        try:
            if self._blaming:
                redis()
        except RedisError as exc:
            log.warning("Redis cannot be told who is in the engine: %s", exc)
            return False
        return True


def _engine_request(entry: Entry) -> EngineRequest:
    assert entry.page is not None
    assert entry.options is not None
    return EngineRequest(id=entry.id, page=entry.page, options=entry.options, prepared=entry.prepared)
