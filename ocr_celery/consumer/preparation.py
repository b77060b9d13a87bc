"""A page's way to the engine: load → decode → prepare. A step that fails sets the page's result.

Each step runs in its own threads (docs/threads.md).
"""

import time
from typing import Protocol

from ocr_celery.consumer.document_opener import DocumentOpener
from ocr_celery.consumer.engine_preparation import EnginePreparation
from ocr_celery.consumer.evaluation import Evaluator
from ocr_celery.consumer.file_keeper import FileKeeper
from ocr_celery.consumer.loading_threads import LoadingThreads
from ocr_celery.consumer.page_cache import PageCache
from ocr_celery.consumer.page_loader import PageLoader
from ocr_celery.consumer.page_run import PageRun, Phase
from ocr_celery.consumer.page_table import PageTable
from ocr_celery.consumer.redis_retry import pause_if_store_full, retry_while_redis_down
from ocr_celery.consumer.startup import start_decoder, start_spool
from ocr_celery.consumer.stored_files import StoredFiles
from ocr_celery.core.prefetch import PrefetchController
from ocr_celery.decode.job import DecodeJob, DecodeResult
from ocr_celery.decode.pool import PoolClosed
from ocr_celery.engine.contract import Engine
from ocr_celery.errors import OcrError
from ocr_celery.settings import Settings
from ocr_celery.store.crash_marks import CrashMarks
from ocr_celery.store.registry import Registry


class PreparationEvents(Protocol):
    """What becomes of pages. Called from the threads "prepare", "fetch" and "decoder", and from the main thread at a stop."""

    def on_ready(self, run: PageRun) -> None:
        """The page may enter the engine; one that is quarantined is prepared when it does."""

    def on_unread(self, run: PageRun) -> None:
        """The page has its result and is not to be read. It is ENDING."""

    def on_expanded(self, run: PageRun) -> None:
        """It was a document, and its pages are queued."""

    def on_requeue(self, run: PageRun) -> None:
        """This worker does not go on with the page: its message is to be requeued."""

    def on_decoder_failure(self, exc: Exception) -> None:
        """No file is decoded any more."""


class Preparation:
    """Holds the threads, processes and files that bring pages to the engine. Safe to use from many threads."""

    def __init__(
        self,
        settings: Settings,
        engine: Engine,
        registry: Registry,
        *,
        pages: PageTable,
        files: StoredFiles,
        marks: CrashMarks,
        keeper: FileKeeper,
        evaluator: Evaluator,
        cache: PageCache,
        prefetch: PrefetchController,
        events: PreparationEvents,
    ) -> None:
        self._settings, self._engine, self._registry = settings, engine, registry
        self._pages = pages
        self._files, self._keeper = files, keeper
        self._evaluator, self._cache = evaluator, cache
        self._prefetch = prefetch
        self._events = events
        self._loader = PageLoader(settings, registry, files)
        self._engine_preparation = EnginePreparation(engine, marks)

    def start(self) -> None:
        """Start the decoder's processes and the threads. Raises `WorkerStartError`."""
        self.decoder = start_decoder(self._settings, self._engine, self._events.on_decoder_failure)
        self.spool = start_spool(self._settings, self._files)
        self.documents = DocumentOpener(
            self._settings, self._registry, self._files, self.spool, self.decoder, keeper=self._keeper
        )
        self.loading_threads = LoadingThreads(
            self._settings.prepare_threads, self.load, self._loader.downloader.resolve_host
        )

    def stop_waiting(self) -> None:
        """Requeue the pages that wait to be fetched, and those whose file is costly to decode."""
        for run in self.loading_threads.remove_waiting():
            self._events.on_requeue(run)
        self.decoder.stop_costly()

    def close(self) -> None:
        """End the processes, and delete the files that were fetched."""
        if hasattr(self, "decoder"):
            self.decoder.close()
        if hasattr(self, "spool"):
            self.spool.close()

    def stalled(self) -> int:
        """How many pages wait for a slow source or a costly file; the worker prefetches others in their place."""
        return self.loading_threads.stalled() + min(self.decoder.costly_count, self._settings.prepare_threads)

    def load(self, run: PageRun) -> None:
        """Load a page, or open or assemble a document, and hand its file to the decoder. Blocks until the decoder has room."""
        run.prepare_started_at = time.monotonic()
        self._pages.move(Phase.PREPARING, run)
        if not retry_while_redis_down(self._load_file, run):
            return  # it is requeued with all others
        if pause_if_store_full(run):
            self._events.on_requeue(run)
            return
        if isinstance(run.result, PoolClosed):
            self._events.on_requeue(run)  # the worker ends before its document is opened
            return
        if run.is_expanded:
            self._events.on_expanded(run)
            return
        if run.terminated:  # while it was fetched
            run.file = None
            run.release_document_page()
        if run.file is None and run.document_page is None:
            self._finish(run)
            return
        try:
            job = self._decode(run)
        except Exception as exc:  # the file's header says enough
            run.result = exc
            self._finish(run)
            return
        self.decoder.wait_for_room(job)  # this thread brings no other file before

    def _load_file(self, run: PageRun) -> None:
        try:
            self._loader.load(run)
            self.documents.open_or_assemble(run)
        except OcrError as exc:
            raise run.convicted or exc from None

    def _decode(self, run: PageRun) -> DecodeJob:
        if page := run.document_page:
            known = {"password": page.password, "text_layer": page.text_layer}
            return self.decoder.submit_page(
                page.path, page.number, lambda result: self._on_decoded(run, result), **known
            )
        assert run.file is not None
        file, run.file = run.file, None
        self._keeper.hold(run, file)
        return self.decoder.submit(file, lambda result: self._on_decoded(run, result))

    def _on_decoded(self, run: PageRun, result: DecodeResult) -> None:
        run.release_document_page()
        if result is None:
            self._events.on_requeue(run)
            return
        if isinstance(result, OcrError):
            run.result = run.convicted or result
        elif run.convicted is not None:
            run.decoded, run.result = result, run.convicted
        else:
            run.decoded = result
            if not run.quarantined and not retry_while_redis_down(self._prepare, run):
                return
        self._finish(run)

    def _prepare(self, run: PageRun) -> None:
        if not (self._evaluator.take_text_layer(run) or self._cache.find(run)):
            self._engine_preparation.prepare(run)

    def prepare_quarantined(self, run: PageRun) -> bool:
        """Prepare a page that is decoded only. False: the worker terminates first."""
        started_at = time.monotonic()
        completed = retry_while_redis_down(self._prepare, run)
        run.prepare_seconds += time.monotonic() - started_at
        return completed

    def _finish(self, run: PageRun) -> None:
        """The page is ready for the engine, or ends here."""
        run.release_document_page()
        run.prepare_seconds = time.monotonic() - run.prepare_started_at
        if run.page is not None:
            self._prefetch.page_prepared(run.prepare_seconds)
        if run.page is not None or (run.quarantined and run.decoded is not None):
            self._events.on_ready(run)
            return
        self._pages.move(Phase.ENDING, run)
        self._events.on_unread(run)
