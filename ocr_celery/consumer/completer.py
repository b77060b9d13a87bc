"""What becomes of a page after the engine, or without it: another reading, its result, or its message back in the queue."""

from collections.abc import Mapping, Sequence

from celery import states

from ocr_celery.consumer.completion import acknowledge_expanded, complete, complete_duplicate, requeue
from ocr_celery.consumer.crash_tracker import CrashTracker
from ocr_celery.consumer.engine_queue import EngineQueue
from ocr_celery.consumer.evaluation import Evaluator
from ocr_celery.consumer.file_cleaner import FileCleaner
from ocr_celery.consumer.file_keeper import FileKeeper
from ocr_celery.consumer.page_cache import PageCache
from ocr_celery.consumer.page_events import PageListener
from ocr_celery.consumer.page_run import PageRun, Phase
from ocr_celery.consumer.page_table import PageTable
from ocr_celery.consumer.threads import Threads
from ocr_celery.core.reading import Reading
from ocr_celery.engine.contract import Outcome

_COMPLETION_THREADS = 4


class Completer:
    """Ends pages, in the threads "complete". All calls return at once, but `requeue_now`. `listeners`: see `page_events`."""

    def __init__(
        self,
        *,
        pages: PageTable,
        queue: EngineQueue,
        evaluator: Evaluator,
        cache: PageCache,
        tracker: CrashTracker,
        file_cleaner: FileCleaner,
        file_keeper: FileKeeper,
        listeners: Sequence[PageListener],
    ) -> None:
        self.rereads = 0  #: approximate: several threads count without a lock
        self._pages = pages
        self._queue = queue
        self._evaluator, self._cache = evaluator, cache
        self._tracker = tracker
        self._file_cleaner = file_cleaner
        self._file_keeper = file_keeper
        self._listeners = listeners

    def start(self) -> None:
        """Start the threads."""
        self.threads = Threads("complete", _COMPLETION_THREADS)

    def evaluate(self, run: PageRun, outcome: Outcome) -> None:
        """Queue the page for another reading, or complete it with the best of its readings."""
        self.threads.submit(self._evaluate, run, outcome)

    def complete(self, run: PageRun) -> None:
        """Complete a page that has its result, or was revoked."""
        self.threads.submit(self._complete, run)

    def complete_aborted(self, run: PageRun) -> None:
        """Complete a page that was terminated."""
        self.threads.submit(self._complete_aborted, run)

    def end_expanded(self, run: PageRun) -> None:
        """Acknowledge the message of a document whose pages are queued."""
        self.threads.submit(self._end_expanded, run)

    def requeue(self, run: PageRun) -> None:
        """Hand the page to another worker."""
        self.threads.submit(self.requeue_now, run)

    def requeue_now(self, run: PageRun) -> None:
        """Hand the page to another worker, in this thread."""
        self._pages.move(Phase.DONE, run)
        self._file_keeper.finish(run, was_read=False)
        requeue(run)

    def _evaluate(self, run: PageRun, outcome: Outcome) -> None:
        run.read_seconds += outcome.seconds
        self._tracker.clear([run.id])
        if isinstance(outcome.result, Reading):
            run.readings.append(outcome.result)
            run.options = None if self._pages.is_stopping else self._evaluator.next_options(run)
            if run.options is not None:
                self.rereads += 1
                self._queue.enqueue_reread(run)
                return
        # a later reading that fails takes nothing from an earlier one
        run.result = self._evaluator.result(run) if run.readings else outcome.result
        self._cache.keep(run)
        self._complete(run)

    def _complete(self, run: PageRun) -> None:
        self._evaluator.fall_back(run)
        run.page = run.decoded = run.prepared = None
        is_stored = False
        try:
            is_stored = complete(run, self._listeners)
        finally:
            # before it leaves: a worker that stops drains the keeper as soon as no page is left
            self._file_keeper.finish(run, was_read=is_stored and _was_read(run))
            self._leave(run)
            if run.has_stored_file:
                self._file_cleaner.finish(run.id)

    def _complete_aborted(self, run: PageRun) -> None:
        self._tracker.clear([run.id])
        if not getattr(run.request, "_already_cancelled", False):
            run.cancel_if_revoked()  # Celery itself announces this only of a page that was announced as started
        self._complete(run)

    def _end_expanded(self, run: PageRun) -> None:
        try:
            acknowledge_expanded(run)
        finally:
            self._leave(run)

    def _leave(self, run: PageRun) -> None:
        """The page is done with here, and so are deliveries that came between its completion and this moment."""
        self._pages.move(Phase.DONE, run)
        for late in run.duplicates:
            complete_duplicate(run, late)


def _was_read(run: PageRun) -> bool:
    """Whether the task has a result: of this delivery, or of one before whose worker may have died before what follows it."""
    if run.prior_result is not None:
        return bool(run.prior_result.get("status") == states.SUCCESS)
    return isinstance(run.result, Mapping)
