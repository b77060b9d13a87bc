"""A page's way through the worker: prepare → schedule → evaluate → complete.

Each step runs in its own threads (docs/threads.md). A step that fails sets the page's result, and the page is completed.
"""

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from redis.exceptions import RedisError

from ocr_celery.consumer import shutdown
from ocr_celery.consumer.cancelled_pages import CancelledPages
from ocr_celery.consumer.completer import Completer
from ocr_celery.consumer.crash_tracker import CrashTracker
from ocr_celery.consumer.engine_queue import EngineQueue
from ocr_celery.consumer.engine_watch import EngineWatch
from ocr_celery.consumer.evaluation import Evaluator
from ocr_celery.consumer.file_cleaner import FileCleaner
from ocr_celery.consumer.file_keeper import FileKeeper
from ocr_celery.consumer.outputs import Outputs
from ocr_celery.consumer.page_cache import PageCache
from ocr_celery.consumer.page_events import PageListener
from ocr_celery.consumer.page_run import PageRun
from ocr_celery.consumer.page_table import PageTable
from ocr_celery.consumer.preparation import Preparation
from ocr_celery.consumer.scheduler import EngineScheduler
from ocr_celery.consumer.startup import start_engine
from ocr_celery.consumer.stored_files import StoredFiles
from ocr_celery.core.batching import BatchPolicy
from ocr_celery.core.prefetch import PrefetchController
from ocr_celery.core.quarantine import Cause
from ocr_celery.engine.contract import Engine, Outcome
from ocr_celery.settings import Settings
from ocr_celery.store.crash_marks import CrashMarks
from ocr_celery.store.files.in_redis import RedisStore
from ocr_celery.store.files.opening import open_store
from ocr_celery.store.registry import Registry

log = logging.getLogger(__name__)

_KEEP_SECONDS = 5.0  #: for files of pages that were read to get into the store, when the worker ends


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
        listeners: Sequence[PageListener] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.engine = engine
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
        self._evaluator = Evaluator(settings, engine)
        self.cache = PageCache(settings, engine, registry, self._evaluator)
        store = open_store(settings.store_address, registry.redis, registry.keys)
        self.file_cleaner = FileCleaner(store, registry, ttl=settings.task_ttl, keep=settings.keep_files)
        outputs = Outputs(registry, ttl=settings.task_ttl, in_redis=store.in_redis)
        self.file_keeper = FileKeeper(store, registry, enabled=settings.keep_files, then=outputs.request)
        self.completer = Completer(
            pages=self.pages,
            queue=self.queue,
            evaluator=self._evaluator,
            cache=self.cache,
            tracker=self.tracker,
            file_cleaner=self.file_cleaner,
            file_keeper=self.file_keeper,
            listeners=listeners,
        )
        self.preparation = Preparation(
            settings,
            engine,
            registry,
            pages=self.pages,
            files=StoredFiles(RedisStore(registry.redis, registry.keys), store),
            marks=self.marks,
            keeper=self.file_keeper,
            evaluator=self._evaluator,
            cache=self.cache,
            prefetch=self.prefetch,
            events=self,
        )

    def start(self) -> None:
        """Load the engine, warm, and begin to work. Raises `WorkerStartError`, or the `SettingsError` an engine finds by then."""
        start_engine(self.engine, self.scheduler)
        self.preparation.start()
        self.file_cleaner.start()
        self.file_keeper.start()
        self.completer.start()
        self.scheduler.start()
        self._watch.start()

    def submit(self, run: PageRun, url: str) -> None:
        """Begin work on a page, which is fetched from this URL ("": its message or Redis holds its file)."""
        run.on_terminate = self._abort
        if self.pages.receive(run):
            self.preparation.loading_threads.add(run, url)
        else:
            log.info("duplicate delivery: task %s is in progress", run.id)

    # -- what preparation and scheduler report ---------------------------------------------------------------------------

    def on_ready(self, run: PageRun) -> None:
        """A page is prepared: let it wait for the engine."""
        self.queue.add(run)

    def on_expanded(self, run: PageRun) -> None:
        """The pages of a document are queued: acknowledge its own message."""
        self.completer.end_expanded(run)

    def on_requeue(self, run: PageRun) -> None:
        """A page is not gone on with: requeue its message."""
        self.completer.requeue_now(run)

    def prepare_quarantined(self, run: PageRun) -> bool:
        """Prepare a page while nothing else is in the engine. False: the worker terminates first."""
        return self.preparation.prepare_quarantined(run)

    def on_outcome(self, run: PageRun, outcome: Outcome) -> None:
        """A page left the engine: evaluate what came of it."""
        self.completer.evaluate(run, outcome)

    def on_postponed(self, run: PageRun) -> None:
        """The engine is unavailable and the worker stops: requeue the page's message."""
        self.completer.requeue(run)

    def on_unread(self, run: PageRun) -> None:
        """A page has its result without having been read: complete it."""
        self.completer.complete(run)

    # -- cancel, stop, fail ----------------------------------------------------------------------------------------------

    def _abort(self, run: PageRun) -> None:
        """Revoked with terminate=True, or requeued by a cold shutdown: free its slot, or take it out of those that wait."""
        if self.scheduler.abort(run) or self.queue.withdraw(run):
            self.completer.complete_aborted(run)

    def begin_stop(self) -> int:
        """Warm shutdown: requeue what has not been started and complete the rest. Returns how many pages there were."""
        left = self.pages.stop()
        self.tracker.stop()
        self.preparation.stop_waiting()
        for run in self.queue.remove_rereads():
            run.result = self._evaluator.result(run)
            self.completer.complete(run)
        return left

    def close(self) -> None:
        """The end of the worker. Its pages count as crashed only if something of it failed."""
        if not self.has_failed:
            self.file_keeper.drain(_KEEP_SECONDS)
        self.scheduler.close()
        self.preparation.close()
        self.engine.stop()
        if not (self.has_failed or shutdown.lease_lost):
            with suppress(RedisError):
                self.marks.clear_all()

    def on_engine_failure(self, exc: BaseException, cause: Cause) -> None:
        """The engine delivers no further outcome: end the worker."""
        self._fail("engine", exc, cause)

    def on_decoder_failure(self, exc: Exception) -> None:
        """No file is decoded any more: end the worker."""
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
