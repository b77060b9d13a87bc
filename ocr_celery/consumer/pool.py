"""Celery's adapter: a worker pool that hands the pages among standard task messages to the pipeline, which batches them.

Everything before this seam (protocol, ETA, expiry, rate limits, revocation, events) and after it (Celery's tracer, once a
page) stays Celery's own. Other tasks run on a few side threads.
"""

import logging
import os
import sys
import time
from contextlib import suppress
from typing import Any, ClassVar

from celery.concurrency.base import BasePool, apply_target
from celery.worker import state as worker_state
from kombu.asynchronous import get_event_loop
from redis.exceptions import RedisError

from ocr_celery import message
from ocr_celery.consumer.page_log import log_page
from ocr_celery.consumer.page_run import PageRun, Phase
from ocr_celery.consumer.pipeline import Pipeline
from ocr_celery.consumer.startup import WorkerStartError
from ocr_celery.consumer.threads import Threads
from ocr_celery.engine.factory import create_engine
from ocr_celery.settings import SettingsError, load_settings
from ocr_celery.store import unacked
from ocr_celery.transport import taking
from ocr_celery.transport.stop_request import is_set

log = logging.getLogger(__name__)

_SIDE_THREADS = 2
_RETURN_INTERVAL = 0.5  #: seconds between two looks at what was handed to a worker that stops


class BatchPool(BasePool):
    """One engine, one process; `worker_concurrency` is 1 and means nothing here. Its methods run in the main thread."""

    signal_safe = False
    body_can_be_buffer = True
    task_join_will_block = True

    node: ClassVar[str] = ""  #: the name of this worker, set before the pool starts
    pipeline: Pipeline | None = None

    def on_start(self) -> None:
        """Load the engine, warm; only then does Celery go on to consume."""
        self.settings = load_settings()
        self.registry = self.app.backend.registry
        try:
            engine = create_engine(self.settings)
            self.pipeline = Pipeline(self.settings, engine, self.registry, self.node, listeners=[log_page])
            self.pipeline.start()
        except (SettingsError, WorkerStartError) as exc:  # an engine finds some only when it has loaded
            sys.exit(f"ocr-celery: {exc}")
        self.side_threads = Threads("side", _SIDE_THREADS)

    def on_apply(self, target: Any, args: Any = (), kwargs: Any = None, **options: Any) -> Any:
        """Celery hands over one accepted message."""
        done, accepted = options.get("callback"), options.get("accept_callback")
        request = getattr(done, "__self__", None)
        if request is None or request.type not in message.POOL_TASKS:
            return self.side_threads.submit(apply_target, target, args, kwargs, done, accepted)
        run = PageRun(request, target, tuple(args), accepted, done)
        task_args, task_kwargs, _ = request._payload
        self._running_pipeline.submit(run, message.url(request.type, task_args, task_kwargs))
        return run

    @property
    def _running_pipeline(self) -> Pipeline:
        assert self.pipeline is not None
        return self.pipeline

    def prefetch_target(self) -> int:
        """How many messages to prefetch now."""
        pipeline = self._running_pipeline
        stalled = 2 * pipeline.preparation.stalled()  # 2: however many those are, the next is soon reached
        behind = pipeline.queue.waiting_behind(pipeline.engine.capacity)
        return pipeline.prefetch.target() + stalled + behind  # pages that yield to others do not count against it

    @property
    def is_ready(self) -> bool:
        """Whether a page that comes now would be read. From any thread."""
        pipeline = self.pipeline
        return (
            pipeline is not None
            and not pipeline.has_failed
            and not pipeline.pages.is_stopping
            and pipeline.engine.alive()
        )

    def in_progress_tags(self) -> set[str]:
        """The delivery tags of all messages that are in progress, or wait here for their time."""
        requests = [run.request for run in self._running_pipeline.pages.deliveries()]
        sets = (worker_state.active_requests, worker_state.reserved_requests, worker_state.scheduled_requests)
        requests += [request for one in sets for request in tuple(one)]
        return {str(request.message.delivery_tag) for request in requests}

    def flush(self) -> None:
        """The connection to Redis was lost. Everything is kept: an acknowledgement works on any connection, and what is
        delivered again meanwhile becomes a duplicate of the page in progress."""
        kept = len(self._running_pipeline.pages)
        ending = is_set(worker_state.should_stop) or is_set(worker_state.should_terminate)
        if kept and not ending:
            log.warning("connection to Redis lost: %d pages are kept", kept)

    def on_stop(self) -> None:
        """Warm shutdown: complete what is in progress. A second signal (cold) ends the wait; the rest is requeued."""
        if is_set(worker_state.should_terminate):
            return
        pages = self._running_pipeline.pages
        left = self._running_pipeline.begin_stop()
        if left:
            log.info("shutdown: finishing %d pages", left)
        hub, returned_at = get_event_loop(), 0.0
        while len(pages) and not is_set(worker_state.should_terminate):
            with pages.changed:
                pages.changed.wait(0.05)
            _acknowledge(hub)
            if time.monotonic() > returned_at + _RETURN_INTERVAL:
                self._return_handed()
                returned_at = time.monotonic()
        _acknowledge(hub)
        self._running_pipeline.close()

    def _return_handed(self) -> None:
        """The last wait for a message may still be answered, and takes it out of the queue for a worker that stops."""
        with suppress(RedisError):
            unacked.return_handed(self.registry.redis, self.registry.keys, self.node)

    def on_terminate(self) -> None:
        """Cold shutdown: what is unacknowledged is requeued when the process ends, see consumer/lease.py."""
        if self.pipeline is not None:
            self.pipeline.close()

    def terminate_job(self, pid: int, signal: Any = None) -> None:
        """`PageRun.terminate` does it."""

    def _get_info(self) -> dict[str, Any]:
        info: dict[str, Any] = super()._get_info()
        pipeline = self._running_pipeline
        pages, scheduler = pipeline.pages, pipeline.scheduler
        return {
            **info,
            "processes": [os.getpid()],
            "engine": pipeline.engine.name,
            "batch-size": pipeline.engine.capacity,
            "batch-timeout": self.settings.batch_timeout,
            "batch-mode": self.settings.batch_mode,
            "held": len(pages),
            "preparing": pages.count(Phase.RECEIVED, Phase.PREPARING),
            "buffered": pages.count(Phase.READY),
            "running": pages.count(Phase.IN_ENGINE),
            "read-again": pipeline.completer.rereads,
            "cached": pipeline.cache.hits,
            "not-cached": pipeline.cache.misses,
            "put-aside": taking.put_aside_count,
            "prefetch": self.prefetch_target(),
            "held-up": pipeline.preparation.loading_threads.stalled(),
            "costly": pipeline.preparation.decoder.costly_count,
            "pages-per-second": round(pipeline.prefetch.pages_per_second, 2),
            "batch-histogram": {str(size): n for size, n in sorted(scheduler.batches.items())},
            "joined-running-batch": scheduler.refills,
        }


def _acknowledge(hub: Any) -> None:
    """Acknowledgements are parked on the event loop, which does not run while the pool stops: run them here."""
    if hub is not None:
        for call in hub._pop_ready():
            call()
