"""A Celery worker pool that reads standard task messages in batches.

Everything before this seam (protocol, ETA, expiry, rate limits, revocation, events) and after it (Celery's tracer, once a
page) stays Celery's own. In between: preparing threads make pages, the batch policy lets them into the engine, and each
page's outcome goes back through the tracer when that page is done. Other tasks run on a few side threads.
"""

import logging
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

from celery import states
from celery.concurrency.base import BasePool, apply_target
from celery.worker import state as worker_state
from kombu.asynchronous import get_event_loop
from redis.exceptions import RedisError

from ocr_celery import message
from ocr_celery.consumer.ending import ENGINE_BROKE, end_worker
from ocr_celery.consumer.entry import Entry
from ocr_celery.consumer.finish import finish
from ocr_celery.consumer.intake import Intake
from ocr_celery.consumer.threads import Threads
from ocr_celery.core.batching import Batcher, BatchPolicy
from ocr_celery.core.feeding import Feed
from ocr_celery.core.reading import Reading
from ocr_celery.engine import Engine, Outcome, Seat
from ocr_celery.engine.choose import choose
from ocr_celery.settings import SettingsError, load_settings

log = logging.getLogger(__name__)

_SIDE_THREADS = 2
_FINISH_THREADS = 4
_REDIS_AWAY = 0.5  #: seconds between tries to prepare a page while Redis does not answer


class BatchPool(BasePool):
    """See the module. One engine, one process; `worker_concurrency` is 1 and means nothing here."""

    signal_safe = False
    body_can_be_buffer = True
    task_join_will_block = True

    engine: Engine

    # -- beginning -------------------------------------------------------------------------------------------------------

    def on_start(self) -> None:
        """Load the engine, warm; only then does Celery go on to consume."""
        self.settings = load_settings()
        self.defaults = self.settings.options()
        try:
            self.engine = choose(self.settings)
        except SettingsError as exc:
            sys.exit(f"ocr-celery: {exc}")
        self.changed = threading.Condition()
        self.held: dict[str, Entry] = {}  # everything not finished, by task id
        self.inside: dict[str, Entry] = {}
        self.preparing = 0
        self.idle_since = self.busy_since = time.monotonic()
        self.closing = self.broken = False
        self.batches: Counter[int] = Counter()  # pages that entered an idle engine together → how often
        self.joined = 0  # pages that entered a running one
        size = self.engine.places
        self.batcher = Batcher[Entry](BatchPolicy(size=size, timeout=self.settings.batch_timeout))
        self.feed = Feed(size=size, preparing=self.settings.prepare_threads)
        began = time.monotonic()
        log.info("loading the %s engine", self.engine.name)
        self.engine.start(self._finished, self._engine_broke)
        log.info(
            "the %s engine (%s) is warm after %.1f s", self.engine.name, self.engine.model, time.monotonic() - began
        )
        self.intake = Intake(self.settings, self.app.backend.client, max_side=self.engine.max_side)
        self.prepare_threads = Threads("prepare", self.settings.prepare_threads)
        self.finish_threads = Threads("finish", _FINISH_THREADS)
        self.side_threads = Threads("side", _SIDE_THREADS)
        threading.Thread(target=self._let_in, name="batcher", daemon=True).start()

    # -- messages come in (the worker's main thread) ---------------------------------------------------------------------

    def on_apply(self, target: Any, args: Any = (), kwargs: Any = None, **options: Any) -> Any:
        """Celery hands over one accepted message."""
        done, accepted = options.get("callback"), options.get("accept_callback")
        request = getattr(done, "__self__", None)
        if request is None or request.type not in message.PAGE_TASKS:
            return self.side_threads.submit(apply_target, target, args, kwargs, done, accepted)
        entry = Entry(request, target, tuple(args), accepted, done)
        entry.on_terminate = self._abort
        with self.changed:
            first = self.held.get(entry.id)
            if first is not None and not first.terminated:
                first.followers.append(entry)
                log.info("task %s was delivered again while it is being worked on", entry.id)
                return entry
            self.held[entry.id] = entry
            self.preparing += 1
        self.prepare_threads.submit(self._prepare, entry)
        return entry

    def _prepare(self, entry: Entry) -> None:
        began = time.monotonic()
        while not self._prepared(entry):
            time.sleep(_REDIS_AWAY)
        entry.prepare_seconds = time.monotonic() - began
        with self.changed:
            self.preparing -= 1
            if entry.page is not None:
                self.feed.prepared(entry.prepare_seconds)
                self.batcher.add(entry, now=time.monotonic())
            self.changed.notify_all()
        if entry.page is None:
            self._conclude(entry)

    def _prepared(self, entry: Entry) -> bool:
        """Make the page, or find out why there is none. False where Redis is away, which is no fault of the page's."""
        try:
            if not entry.is_off():
                self._prepare_page(entry)
        except RedisError as exc:
            log.warning("task %s waits for Redis: %s", entry.id, exc)
            return False
        except Exception as exc:
            entry.outcome = exc
        return True

    def _prepare_page(self, entry: Entry) -> None:
        registry = self.app.backend.registry
        created = registry.move(entry.id, states.RECEIVED, now=time.time())
        if created is None:
            entry.replay = registry.meta(entry.id)
            return
        entry.created_at = created
        args, kwargs, _ = entry.request._payload
        entry.job = message.read_job(entry.request.type, args, kwargs, self.defaults)
        entry.page = self.intake.page(entry.job)

    # -- pages enter the engine ------------------------------------------------------------------------------------------

    def _let_in(self) -> None:
        while True:
            with self.changed:
                while not (batch := self._take()):
                    self.changed.wait(self._due_in())
            try:
                self._enter(batch)
            except Exception as exc:
                self._engine_broke(exc)

    def _policy(self) -> dict[str, Any]:
        hurry = self.closing and not self.preparing
        return {
            "now": time.monotonic(),
            "inside": len(self.inside),
            "idle_since": self.idle_since,
            "hurry": hurry,
        }

    def _due_in(self) -> float | None:
        return self.batcher.due_in(**self._policy())

    def _take(self) -> list[Entry]:
        """The pages that enter now; they count as inside from here on."""
        if self.broken:
            return []
        was_idle = not self.inside
        batch = self.batcher.take(**self._policy())
        self.inside.update((entry.id, entry) for entry in batch)
        if batch and was_idle:
            self.busy_since = time.monotonic()
        return batch

    def _enter(self, batch: list[Entry]) -> None:
        live = []
        for entry in batch:
            if entry.is_off():
                self._left(entry)
                self._conclude(entry)
            else:
                live.append(entry)
        if not live:
            return
        with self.changed:
            inside = len(self.inside)
            if inside == len(live):
                self.batches[inside] += 1
            else:
                self.joined += len(live)
        for entry in live:
            entry.batch, entry.entered_at = inside, time.time()
        self.engine.enter([self._seat(entry) for entry in live])
        for entry in live:  # said after the fact: the engine need not wait for it
            entry.begin()

    @staticmethod
    def _seat(entry: Entry) -> Seat:
        assert entry.page is not None
        assert entry.job is not None
        return Seat(id=entry.id, page=entry.page, options=entry.job.options)

    # -- outcomes come out (the engine's thread) -------------------------------------------------------------------------

    def _finished(self, outcomes: Sequence[Outcome]) -> None:
        entries = []
        with self.changed:
            for outcome in outcomes:
                entry = self.inside.pop(outcome.id, None)
                if entry is not None:  # else it was terminated
                    entry.outcome = self._result(entry, outcome)
                    entry.page = None
                    entries.append(entry)
            now = time.monotonic()
            self.feed.read(len(entries), now - self.busy_since)
            self.busy_since = now
            if not self.inside:
                self.idle_since = now
            self.changed.notify_all()
        for entry in entries:
            self.finish_threads.submit(self._finish, entry)

    def _result(self, entry: Entry, outcome: Outcome) -> Any:
        if not isinstance(outcome.result, Reading):
            return outcome.result
        assert entry.page is not None
        return message.result_dict(
            outcome.result,
            entry.page,
            engine=self.engine.name,
            model=self.engine.model,
            waited=max(0.0, entry.entered_at - entry.created_at - entry.prepare_seconds),
            prepared=entry.prepare_seconds,
            read=outcome.seconds,
        )

    def _conclude(self, entry: Entry) -> None:
        """The page is at its end without having been read."""
        self.finish_threads.submit(self._finish, entry)

    def _finish(self, entry: Entry) -> None:
        try:
            finish(entry)
        finally:
            with self.changed:
                if self.held.get(entry.id) is entry:
                    del self.held[entry.id]
                self.changed.notify_all()

    def _left(self, entry: Entry) -> None:
        with self.changed:
            self.inside.pop(entry.id, None)
            if not self.inside:
                self.idle_since = time.monotonic()

    def _abort(self, entry: Entry) -> None:
        """Revoked with terminate=True, or given back by a cold shutdown: free the place."""
        if entry.id in self.inside:
            self.engine.abort(entry.id)
            self._left(entry)
            self.finish_threads.submit(self._finish, entry)

    # -- the engine breaks -----------------------------------------------------------------------------------------------

    def _engine_broke(self, exc: BaseException) -> None:
        """Nothing more can be read here: give all pages back and let the supervisor start a new worker."""
        with self.changed:
            if self.broken:
                return
            self.broken = True
        log.error("the engine broke (%r); %d pages go back to the queue and this worker ends", exc, len(self.held))
        end_worker(ENGINE_BROKE)

    @property
    def is_ready(self) -> bool:
        """Whether a page that comes now would be read."""
        return hasattr(self, "engine") and not self.broken and not self.closing and self.engine.alive()

    def tags(self) -> set[str]:
        """The delivery tags of all messages that are being worked on."""
        with self.changed:
            requests = [entry.request for first in self.held.values() for entry in (first, *first.followers)]
        return {str(request.message.delivery_tag) for request in (*requests, *tuple(worker_state.active_requests))}

    # -- end -------------------------------------------------------------------------------------------------------------

    def flush(self) -> None:
        """The connection to Redis was lost. Everything is kept: an acknowledgement works on any connection, and what is
        delivered again meanwhile joins the page that is held."""
        if self.held and worker_state.should_stop in (None, False):
            log.warning("connection to Redis lost; %d pages are kept", len(self.held))

    def on_stop(self) -> None:
        """Warm shutdown: finish what is held. A second signal (cold) ends the wait; what is left then goes back."""
        if worker_state.should_terminate not in (None, False):
            return
        with self.changed:
            self.closing = True
            self.changed.notify_all()
            left = len(self.held)
        if left:
            log.info("finishing %d pages before the worker stops", left)
        hub = get_event_loop()
        while self.held and worker_state.should_terminate in (None, False):
            with self.changed:
                self.changed.wait(0.05)
            _acknowledge(hub)
        _acknowledge(hub)
        self.engine.stop()

    def on_terminate(self) -> None:
        """Cold shutdown: what is unacknowledged goes back when the process ends, see presence.py."""
        if hasattr(self, "engine"):
            self.engine.stop()

    def terminate_job(self, pid: int, signal: Any = None) -> None:
        """`Entry.terminate` does it."""

    def _get_info(self) -> dict[str, Any]:
        info: dict[str, Any] = super()._get_info()
        with self.changed:
            info.update(
                {
                    "processes": [os.getpid()],
                    "engine": self.engine.name,
                    "batch-size": self.engine.places,
                    "batch-timeout": self.settings.batch_timeout,
                    "held": len(self.held),
                    "preparing": self.preparing,
                    "buffered": len(self.batcher),
                    "running": len(self.inside),
                    "prefetch": self.feed.hold(),
                    "pages-per-second": round(self.feed.pages_per_second, 2),
                    "batch-histogram": {str(size): n for size, n in sorted(self.batches.items())},
                    "joined-running-batch": self.joined,
                }
            )
        return info


def _acknowledge(hub: Any) -> None:
    """Acknowledgements are parked on the event loop, which no longer turns while the pool stops: run them here."""
    if hub is not None:
        for call in hub._pop_ready():
            call()
