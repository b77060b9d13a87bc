"""A Celery worker pool that reads standard task messages in batches.

Everything before this seam (protocol, ETA, expiry, rate limits, revocation, events) and after it (Celery's tracer, once a
page) stays Celery's own. In between: preparing threads make pages, `Places` lets them into the engine by the batch policy,
and each page's outcome goes back through the tracer when that page is done. Other tasks run on a few side threads.
"""

import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, ClassVar

from celery import states
from celery.concurrency.base import BasePool, apply_target
from celery.worker import state as worker_state
from kombu.asynchronous import get_event_loop
from redis.exceptions import RedisError

from ocr_celery import message
from ocr_celery.consumer import shutdown
from ocr_celery.consumer.completion import finish, follow, give_back
from ocr_celery.consumer.page_loader import Intake
from ocr_celery.consumer.page_run import Entry
from ocr_celery.consumer.preparer import Lanes
from ocr_celery.consumer.scheduler import Places
from ocr_celery.consumer.threads import Threads
from ocr_celery.core import delivery_limit, quarantine
from ocr_celery.core.batching import BatchPolicy
from ocr_celery.core.prefetch import Feed
from ocr_celery.core.quarantine import Cause, Decision
from ocr_celery.core.reading import Reading
from ocr_celery.core.reread_policy import again
from ocr_celery.decode.job import Result as DecodeResult
from ocr_celery.decode.pool import DecoderPool
from ocr_celery.engine.contract import Engine, Outcome
from ocr_celery.engine.registry import create_engine
from ocr_celery.errors import EngineKilled, GivenUp, OcrError, PageDeadline, WorkerKilled
from ocr_celery.settings import SettingsError, load_settings
from ocr_celery.store import crash_marks, shared_prompt, unacked
from ocr_celery.store.registry import TaskHistory
from ocr_celery.store.transient_errors import is_transient
from ocr_celery.transport import taking
from ocr_celery.transport.stop_request import is_set

log = logging.getLogger(__name__)

_SIDE_THREADS = 2
_FINISH_THREADS = 4
_REDIS_AWAY = 0.5  #: seconds until it is asked again
_RETURN_HANDED = 0.5  #: seconds between two looks at what was handed to a worker that stops
_ERROR_BY_CAUSE: dict[str, type[OcrError]] = {
    Cause.WORKER: WorkerKilled,
    Cause.ENGINE: EngineKilled,
    Cause.DEADLINE: PageDeadline,
}


class BatchPool(BasePool):
    """See the module. One engine, one process; `worker_concurrency` is 1 and means nothing here."""

    signal_safe = False
    body_can_be_buffer = True
    task_join_will_block = True

    node: ClassVar[str] = ""  #: the name of this worker, set before the pool starts
    engine: Engine

    # -- beginning -------------------------------------------------------------------------------------------------------

    def on_start(self) -> None:
        """Load the engine, warm; only then does Celery go on to consume."""
        self.settings = load_settings()
        self.defaults = self.settings.options()
        try:
            self.engine = create_engine(self.settings)
        except SettingsError as exc:
            sys.exit(f"ocr-celery: {exc}")
        self.changed = threading.Condition()
        self.held: dict[str, Entry] = {}  # everything not finished, by task id
        self.preparing = self.reread = 0
        self.closing = self.broken = False
        self.redis = self.app.backend.client
        self.keys = self.app.backend.registry.keys
        self.feed = Feed(size=self.engine.capacity, preparing=self.settings.prepare_threads)
        self.places = self._places()
        began = time.monotonic()
        log.info("loading the %s engine", self.engine.name)
        try:
            self.engine.start(self.places.finished, self.places.broke)
        except SettingsError as exc:  # what an engine sees only when it has loaded
            sys.exit(f"ocr-celery: {exc}")
        log.info(
            "the %s engine (%s) is warm after %.1f s", self.engine.name, self.engine.model, time.monotonic() - began
        )
        self.intake = Intake(self.settings, self.redis, self.keys)
        self.decoder = DecoderPool(
            max_pixels=self.settings.max_image_pixels,
            max_side=self.engine.max_side,
            seconds=self.settings.prepare_seconds,
            broke=self._decoder_broke,
        )
        try:
            self.decoder.children.wait_started()
        except Exception as exc:
            sys.exit(f"ocr-celery: no process that decodes files can be started: {exc}")
        self.lanes = Lanes(self.settings.prepare_threads, self._prepare, self.intake.downloader.locate)
        self.finish_threads = Threads("finish", _FINISH_THREADS)
        self.side_threads = Threads("side", _SIDE_THREADS)
        self.places.open()

    def _places(self) -> Places:
        settings = self.settings
        policy = BatchPolicy(
            size=self.engine.capacity, timeout=settings.batch_timeout, refill=settings.batch_mode == "continuous"
        )
        known = {"redis": self.redis, "keys": self.keys, "node": self.node, "deadline": settings.page_deadline}
        return Places(self.engine, policy, self.feed, self, **known)

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
        args, kwargs, _ = request._payload
        self.lanes.add(entry, message.url(request.type, args, kwargs))
        return entry

    def _prepare(self, entry: Entry) -> None:
        entry.prepare_began = time.monotonic()
        if not self._patiently(self._get_file, entry):
            return  # it goes back with all that is held
        if entry.file is None:
            self._is_prepared(entry)
            return
        file, entry.file = entry.file, None
        try:
            job = self.decoder.submit(file, partial(self._is_decoded, entry))
        except Exception as exc:  # its header says enough
            entry.outcome = exc
            self._is_prepared(entry)
            return
        self.decoder.wait_for_room(job)  # this thread brings no other file before

    def _is_decoded(self, entry: Entry, result: DecodeResult) -> None:
        if result is None:
            self._give_back(entry)
            return
        if isinstance(result, OcrError):
            entry.outcome = result
        else:
            entry.decoded = result
            if not entry.quarantined and not self._patiently(self._make_page, entry):
                return
        self._is_prepared(entry)

    def _is_prepared(self, entry: Entry) -> None:
        entry.prepare_seconds = time.monotonic() - entry.prepare_began
        if entry.page is not None:
            self.feed.prepared(entry.prepare_seconds)
        suspect = entry.quarantined and entry.decoded is not None
        if entry.page is not None or suspect:
            self.places.add(entry)
        with self.changed:
            self.preparing -= 1
        self.places.look_again()
        if entry.page is None and not suspect:
            self._conclude(entry)

    def _patiently(self, step: Callable[[Entry], None], entry: Entry) -> bool:
        """Take this step, if the page is not off, again where Redis is away. False: the worker ends before that is over."""
        while True:
            try:
                if not entry.is_off():
                    step(entry)
            except Exception as exc:
                if not (isinstance(exc, RedisError) and is_transient(exc)):
                    entry.outcome = exc
                    return True
                log.warning("task %s waits for Redis: %s", entry.id, exc)
            else:
                return True
            if is_set(worker_state.should_terminate):
                return False
            time.sleep(_REDIS_AWAY)

    def _get_file(self, entry: Entry) -> None:
        registry = self.app.backend.registry
        args, kwargs, _ = entry.request._payload
        source = message.recorded_source(entry.request.type, args, kwargs)
        history: TaskHistory | None = registry.transition(entry.id, states.RECEIVED, now=time.time(), source=source)
        if history is None:
            entry.replay = registry.celery_record(entry.id)
            return
        entry.created_at = history.created_at
        decision = quarantine.decide(history.crashes)
        if decision is Decision.FAIL:
            raise _ERROR_BY_CAUSE[history.crashes.last_cause]()
        if delivery_limit.is_given_up(entry.request.request_dict.get("properties")):
            raise GivenUp()
        options = shared_prompt.resolve(self.redis, self.keys, kwargs)
        entry.job = message.read_job(entry.request.type, args, options, self.defaults)
        entry.options = entry.job.options
        if entry.refusal is not None:
            raise entry.refusal
        entry.quarantined = decision is Decision.QUARANTINE
        entry.solo_strikes = history.crashes.solo_strikes
        entry.file = self.intake.file(entry.job, entry.address)

    def _make_page(self, entry: Entry) -> None:
        """Have the engine make of the decoded page what it takes. That may kill the worker, as it may have before."""
        if not entry.request.delivery_info.get("redelivered") or entry.quarantined:
            self._prepare_for_engine(entry)
            return
        crash_marks.mark(self.redis, self.keys, self.node, [entry.id])
        try:
            self._prepare_for_engine(entry)
        finally:
            crash_marks.clear(self.redis, self.keys, self.node, [entry.id])

    def _prepare_for_engine(self, entry: Entry) -> None:
        assert entry.decoded is not None
        assert entry.options is not None
        entry.prepared = self.engine.prepare(entry.decoded, entry.options)
        entry.page, entry.decoded = entry.decoded, None

    def prepares(self, suspect: Entry) -> bool:
        """See `places.Owner`."""
        began = time.monotonic()
        if self._patiently(self._make_page, suspect) and suspect.page is None:
            self._conclude(suspect)
        suspect.prepare_seconds += time.monotonic() - began
        return suspect.page is not None

    def nothing_more(self) -> bool:
        """See `places.Owner`."""
        return self.closing and not self.preparing

    # -- outcomes come out (the engine's thread) -------------------------------------------------------------------------

    def came_out(self, entry: Entry, outcome: Outcome) -> None:
        """See `places.Owner`."""
        self.finish_threads.submit(self._judge, entry, outcome)

    def turned_away(self, entry: Entry) -> None:
        """See `places.Owner`."""
        self._conclude(entry)

    def _judge(self, entry: Entry, outcome: Outcome) -> None:
        """Read the page again, or end it with the best of its readings."""
        entry.read_seconds += outcome.seconds
        if isinstance(outcome.result, Reading):
            entry.readings.append(outcome.result)
            if self._reads_again(entry):
                return
            entry.outcome = self._result(entry)
        else:  # a later reading that fails takes nothing from an earlier one
            entry.outcome = self._result(entry) if entry.readings else outcome.result
        self.places.forget([entry.id])
        self._finish(entry)

    def _reads_again(self, entry: Entry) -> bool:
        if self.closing or not self.engine.supports_reread:
            return False
        assert entry.job is not None
        most, usual = self.settings.max_rereads, self.defaults.max_tokens
        entry.options = again(entry.readings, entry.job.options, most=most, usual_tokens=usual)
        if entry.options is None:
            return False
        self.reread += 1
        self.places.forget([entry.id])
        self.places.add_again(entry)
        return True

    def _result(self, entry: Entry) -> dict[str, Any]:
        assert entry.page is not None
        return message.result_dict(
            entry.readings,
            entry.page,
            engine=self.engine.name,
            model=self.engine.model,
            waited=entry.waited,
            prepared=entry.prepare_seconds,
            read=entry.read_seconds,
        )

    def _conclude(self, entry: Entry) -> None:
        """The page is at its end without having been read."""
        self.finish_threads.submit(self._finish, entry)

    def _finish(self, entry: Entry) -> None:
        entry.page = entry.decoded = entry.prepared = None
        try:
            finish(entry)
        finally:
            self.places.over(entry.id)
            with self.changed:
                if self.held.get(entry.id) is entry:
                    del self.held[entry.id]
                self.changed.notify_all()
            for late in entry.followers:  # delivered again between the end of the page and this moment
                follow(entry, late)

    def _give_back(self, entry: Entry) -> None:
        """The page has not been begun, and this worker will not begin it."""
        with self.changed:
            self.preparing -= 1
            self.held.pop(entry.id, None)
        give_back(entry)

    def _abort(self, entry: Entry) -> None:
        """Revoked with terminate=True, or given back by a cold shutdown: free the place."""
        if self.places.abort(entry):
            self._conclude(entry)

    # -- the engine breaks -----------------------------------------------------------------------------------------------

    def engine_broke(self, exc: BaseException, cause: Cause) -> None:
        """See `places.Owner`: give all pages back and let the supervisor start a new worker."""
        self._ends("engine", exc, cause)

    def _decoder_broke(self, exc: BaseException) -> None:
        self._ends("decoder", exc)

    def _ends(self, broken: str, exc: BaseException, cause: Cause | None = None) -> None:
        with self.changed:
            if self.broken:
                return
            self.broken = True
        log.error("the %s broke (%r); %d pages go back to the queue and this worker ends", broken, exc, len(self.held))
        if cause is Cause.ENGINE:  # at a deadline the strikes stand in Redis already
            with suppress(RedisError):
                crash_marks.add_strikes(self.redis, self.keys, self.node, cause)
        shutdown.end_worker(shutdown.ENGINE_BROKE)

    def hold(self) -> int:
        """Messages to hold now."""
        # 2: however many those are, the next is soon reached
        held_up = 2 * (self.lanes.held_up() + min(self.decoder.costly, self.settings.prepare_threads))
        return self.feed.hold() + held_up + min(self.places.suspects, self.engine.capacity)

    @property
    def is_ready(self) -> bool:
        """Whether a page that comes now would be read."""
        return hasattr(self, "places") and not self.broken and not self.closing and self.engine.alive()

    def tags(self) -> set[str]:
        """The delivery tags of all messages that are being worked on, or that wait here for their time."""
        with self.changed:
            requests = [entry.request for first in self.held.values() for entry in (first, *first.followers)]
        sets = (worker_state.active_requests, worker_state.reserved_requests, worker_state.scheduled_requests)
        requests += [request for one in sets for request in tuple(one)]
        return {str(request.message.delivery_tag) for request in requests}

    # -- end -------------------------------------------------------------------------------------------------------------

    def flush(self) -> None:
        """The connection to Redis was lost. Everything is kept: an acknowledgement works on any connection, and what is
        delivered again meanwhile joins the page that is held."""
        ending = is_set(worker_state.should_stop) or is_set(worker_state.should_terminate)
        if self.held and not ending:
            log.warning("connection to Redis lost; %d pages are kept", len(self.held))

    def on_stop(self) -> None:
        """Warm shutdown: finish what is held. A second signal (cold) ends the wait; what is left then goes back."""
        if is_set(worker_state.should_terminate):
            return
        with self.changed:
            self.closing = True
            left = len(self.held)
        self.places.end_blame()
        for entry in self.lanes.give_up():
            self._give_back(entry)
        self.decoder.give_up()
        for entry in self.places.give_up_again():
            entry.outcome = self._result(entry)
            self._conclude(entry)
        self.places.look_again()
        if left:
            log.info("finishing %d pages before the worker stops", left)
        hub, returned_at = get_event_loop(), 0.0
        while self.held and not is_set(worker_state.should_terminate):
            with self.changed:
                self.changed.wait(0.05)
            _acknowledge(hub)
            if time.monotonic() > returned_at + _RETURN_HANDED:
                self._return_handed()
                returned_at = time.monotonic()
        _acknowledge(hub)
        self._end()

    def _return_handed(self) -> None:
        """The last wait for a message may still be answered, and takes it out of the queue for a worker that stops."""
        with suppress(RedisError):
            unacked.return_handed(self.redis, self.keys, self.node)

    def on_terminate(self) -> None:
        """Cold shutdown: what is unacknowledged goes back when the process ends, see presence.py."""
        if hasattr(self, "places"):
            self._end()

    def _end(self) -> None:
        self.places.close()
        if hasattr(self, "decoder"):
            self.decoder.close()
        self.engine.stop()
        if not (self.broken or shutdown.name_lost):
            with suppress(RedisError):
                crash_marks.clear_all(self.redis, self.keys, self.node)

    def terminate_job(self, pid: int, signal: Any = None) -> None:
        """`Entry.terminate` does it."""

    def _get_info(self) -> dict[str, Any]:
        info: dict[str, Any] = super()._get_info()
        return {
            **info,
            "processes": [os.getpid()],
            "engine": self.engine.name,
            "batch-size": self.engine.capacity,
            "batch-timeout": self.settings.batch_timeout,
            "batch-mode": self.settings.batch_mode,
            "held": len(self.held),
            "preparing": self.preparing,
            "read-again": self.reread,
            "put-aside": taking.put_aside_count,
            "prefetch": self.hold(),
            "held-up": self.lanes.held_up(),
            "costly": self.decoder.costly,
            "pages-per-second": round(self.feed.pages_per_second, 2),
            "batch-histogram": {str(size): n for size, n in sorted(self.places.batches.items())},
            **self.places.counts(),
        }


def _acknowledge(hub: Any) -> None:
    """Acknowledgements are parked on the event loop, which no longer turns while the pool stops: run them here."""
    if hub is not None:
        for call in hub._pop_ready():
            call()
