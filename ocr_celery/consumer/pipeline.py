"""A page's way through the worker: prepare → schedule → evaluate → complete.

Each step runs in its own threads (docs/threads.md). A step that fails sets the page's result, and the page is completed.
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from redis.exceptions import RedisError

from ocr_celery.consumer import shutdown
from ocr_celery.consumer.cancelled_pages import CancelledPages
from ocr_celery.consumer.completion import acknowledge_expanded, complete, complete_duplicate, requeue
from ocr_celery.consumer.crash_tracker import CrashTracker
from ocr_celery.consumer.engine_queue import EngineQueue
from ocr_celery.consumer.engine_watch import EngineWatch
from ocr_celery.consumer.evaluation import Evaluator
from ocr_celery.consumer.file_cleaner import FileCleaner
from ocr_celery.consumer.file_keeper import FileKeeper
from ocr_celery.consumer.page_events import Listener
from ocr_celery.consumer.page_run import PageRun, Phase
from ocr_celery.consumer.page_table import PageTable
from ocr_celery.consumer.preparation import Preparation
from ocr_celery.consumer.scheduler import EngineScheduler
from ocr_celery.consumer.startup import start_engine
from ocr_celery.consumer.stored_files import StoredFiles
from ocr_celery.consumer.threads import Threads
from ocr_celery.core.batching import BatchPolicy
from ocr_celery.core.prefetch import PrefetchController
from ocr_celery.core.quarantine import Cause
from ocr_celery.core.reading import Reading
from ocr_celery.engine.contract import Engine, Outcome
from ocr_celery.settings import Settings
from ocr_celery.store.crash_marks import CrashMarks
from ocr_celery.store.files.in_redis import RedisStore
from ocr_celery.store.files.opening import open_store
from ocr_celery.store.registry import Registry

log = logging.getLogger(__name__)

_COMPLETION_THREADS = 4


class Pipeline:
    """The pages of one worker, from their message to its acknowledgement.

    `listeners`: of each page that is done, see `page_events`. `clock`: monotonic seconds.
    """

    def __init__(
        self,
        settings: Settings,
        engine: Engine,
        registry: Registry,
        node: str,
        *,
        listeners: Sequence[Listener] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.engine = engine
        self._listeners = listeners
        self.pages = PageTable()
        self.prefetch = PrefetchController(size=engine.capacity, preparing=settings.prepare_threads)
        self.marks = CrashMarks(registry.redis, registry.keys, node)
        self.tracker = CrashTracker(self.marks)
        self.queue = EngineQueue(
            BatchPolicy(
                size=engine.capacity, timeout=settings.batch_timeout, refill=settings.batch_mode == "continuous"
            ),
            pages=self.pages,
            prefetch=self.prefetch,
            clock=clock,
        )
        self.scheduler = EngineScheduler(
            engine=engine,
            queue=self.queue,
            pages=self.pages,
            events=self,
            tracker=self.tracker,
            find_cancelled=CancelledPages(registry).find,
            clock=clock,
        )
        self._watch = EngineWatch(
            engine=engine,
            pages=self.pages,
            queue=self.queue,
            scheduler=self.scheduler,
            events=self,
            tracker=self.tracker,
            deadline=settings.page_deadline,
            clock=clock,
        )
        self.has_failed = False
        self.rereads = 0  #: approximate: several threads count without a lock
        self._evaluator = Evaluator(settings, engine)
        store = open_store(settings.store_address, registry.redis, registry.keys)
        self.file_cleaner = FileCleaner(store, registry, ttl=settings.task_ttl, keep=settings.keep_files)
        self.file_keeper = FileKeeper(store, registry, enabled=settings.keep_files)
        self.preparation = Preparation(
            settings,
            engine,
            registry,
            pages=self.pages,
            files=StoredFiles(RedisStore(registry.redis, registry.keys), store),
            marks=self.marks,
            keeper=self.file_keeper,
            evaluator=self._evaluator,
            prefetch=self.prefetch,
            events=self,
        )

    def start(self) -> None:
        """Load the engine, warm, and begin to work. Raises `StartError`, or the `SettingsError` an engine finds by then."""
        start_engine(self.engine, self.scheduler)
        self.preparation.start()
        self.file_cleaner.start()
        self.file_keeper.start()
        self.completion_threads = Threads("complete", _COMPLETION_THREADS)
        self.scheduler.start()
        self._watch.start()

    def submit(self, run: PageRun, url: str) -> None:
        """Begin work on a page, which is fetched from this URL ("": its message or Redis holds its file)."""
        run.on_terminate = self._abort
        if self.pages.receive(run):
            self.preparation.preparer.add(run, url)
        else:
            log.info("duplicate delivery: task %s is in progress", run.id)

    # -- prepare: threads "prepare", "fetch" and "decoder" ---------------------------------------------------------------

    def on_ready(self, run: PageRun) -> None:
        """See `PreparationEvents`."""
        self.queue.add(run)

    def on_expanded(self, run: PageRun) -> None:
        """See `PreparationEvents`."""
        self.completion_threads.submit(self._end_expanded, run)

    def on_requeue(self, run: PageRun) -> None:
        """See `PreparationEvents`."""
        self._requeue(run)

    def prepare_quarantined(self, run: PageRun) -> bool:
        """See `SchedulerEvents`."""
        return self.preparation.prepare_quarantined(run)

    # -- evaluate, complete: threads "complete" --------------------------------------------------------------------------

    def on_outcome(self, run: PageRun, outcome: Outcome) -> None:
        """See `SchedulerEvents`."""
        self.completion_threads.submit(self._evaluate, run, outcome)

    def on_postponed(self, run: PageRun) -> None:
        """See `SchedulerEvents`."""
        self.completion_threads.submit(self._requeue, run)

    def on_unread(self, run: PageRun) -> None:
        """See `SchedulerEvents`."""
        self._complete_async(run)

    def _evaluate(self, run: PageRun, outcome: Outcome) -> None:
        """Queue the page for another reading, or complete it with the best of its readings."""
        run.read_seconds += outcome.seconds
        self.tracker.clear([run.id])
        if isinstance(outcome.result, Reading):
            run.readings.append(outcome.result)
            run.options = None if self.pages.is_stopping else self._evaluator.next_options(run)
            if run.options is not None:
                self.rereads += 1
                self.queue.enqueue_reread(run)
                return
        # a later reading that fails takes nothing from an earlier one
        run.result = self._evaluator.result(run) if run.readings else outcome.result
        self._complete(run)

    def _complete_async(self, run: PageRun) -> None:
        self.completion_threads.submit(self._complete, run)

    def _complete(self, run: PageRun) -> None:
        self._evaluator.fall_back(run)
        run.page = run.decoded = run.prepared = None
        try:
            complete(run, self._listeners)
        finally:
            self._leave(run)
            self.file_keeper.finish(run, was_read=isinstance(run.result, Mapping))
            if run.has_stored_file:
                self.file_cleaner.finish(run.id)

    def _end_expanded(self, run: PageRun) -> None:
        """The pages of a document are queued: it needs its message no more."""
        try:
            acknowledge_expanded(run)
        finally:
            self._leave(run)

    def _leave(self, run: PageRun) -> None:
        """The page is done with here, and so are deliveries that came between its completion and this moment."""
        self.pages.move(Phase.DONE, run)
        for late in run.duplicates:
            complete_duplicate(run, late)

    # -- cancel, stop, fail ----------------------------------------------------------------------------------------------

    def _requeue(self, run: PageRun) -> None:
        """Hand the page to another worker: this one does not read it any more."""
        self.pages.move(Phase.DONE, run)
        self.file_keeper.finish(run, was_read=False)
        requeue(run)

    def _abort(self, run: PageRun) -> None:
        """Revoked with terminate=True, or requeued by a cold shutdown: free its slot, or the place where it waits for one."""
        if self.scheduler.abort(run) or self.queue.withdraw(run):
            self.completion_threads.submit(self._complete_aborted, run)

    def _complete_aborted(self, run: PageRun) -> None:
        self.tracker.clear([run.id])
        if not getattr(run.request, "_already_cancelled", False):
            run.cancel_if_revoked()  # Celery itself announces this only of a page that was announced as started
        self._complete(run)

    def begin_stop(self) -> int:
        """Warm shutdown: requeue what has not been started and complete the rest. Returns how many pages there were."""
        left = self.pages.stop()
        self.tracker.stop()
        self.preparation.stop_waiting()
        for run in self.queue.remove_rereads():
            run.result = self._evaluator.result(run)
            self._complete_async(run)
        return left

    def close(self) -> None:
        """The end of the worker. Its pages count as crashed only if something of it failed."""
        self.scheduler.close()
        self.preparation.close()
        self.engine.stop()
        if not (self.has_failed or shutdown.lease_lost):
            with suppress(RedisError):
                self.marks.clear_all()

    def on_engine_failure(self, exc: BaseException, cause: Cause) -> None:
        """See `SchedulerEvents`."""
        self._fail("engine", exc, cause)

    def on_decoder_failure(self, exc: Exception) -> None:
        """See `PreparationEvents`."""
        self._fail("decoder", exc)

    def _fail(self, part: str, exc: BaseException, cause: Cause | None = None) -> None:
        """Requeue all pages by ending the worker, which its supervisor starts again."""
        with self.pages.changed:
            if self.has_failed:
                return
            self.has_failed = True
        log.error("%s failed: %r; requeueing %d pages and exiting", part, exc, len(self.pages))
        if cause is Cause.ENGINE:  # at a deadline the strikes stand in Redis already
            with suppress(RedisError):
                self.marks.add_strikes(cause)
        shutdown.shut_down(shutdown.EXIT_ENGINE_FAILED)
