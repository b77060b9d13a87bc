"""Answers a decoded page with the reading of the same page, where one is kept (OCR_CACHE_TTL), instead of having it read.

Whatever goes wrong with it, the page is read. Pages that are in the worker at the same time do not wait for each other: both
may be read.
"""

import logging
import time

from redis.exceptions import RedisError

from ocr_celery.consumer.evaluation import Evaluator
from ocr_celery.consumer.page_run import PageRun
from ocr_celery.core import page_cache
from ocr_celery.core.page_cache import KeptReading, Reader
from ocr_celery.engine.contract import Engine
from ocr_celery.message import Job
from ocr_celery.settings import Settings
from ocr_celery.store.page_cache import KeptPages
from ocr_celery.store.registry import Registry

log = logging.getLogger(__name__)


class PageCache:
    """Finds and keeps readings of pages. Safe to use from many threads."""

    def __init__(self, settings: Settings, engine: Engine, registry: Registry, evaluator: Evaluator) -> None:
        self.hits = 0  #: pages that were not read; approximate, like the next: several threads count without a lock
        self.misses = 0  #: pages that were looked for in vain
        self._ttl = settings.cache_ttl
        self._engine, self._evaluator = engine, evaluator
        self._default_max_tokens = settings.options().max_tokens
        if self._ttl:
            self._kept = KeptPages(registry.redis, registry.keys, ttl=self._ttl)

    def find(self, run: PageRun) -> bool:
        """Make the reading that is kept of the same page the result of a decoded page. Whether there is one.

        Takes some milliseconds for the page's pixels, and a round trip.
        """
        assert run.job is not None
        assert run.decoded is not None
        if not self._is_wanted(run.job):
            return False
        run.cache_key = page_cache.page_key(run.decoded, run.job.options, self._reader())
        found = self._look_up(run)
        if found is None:
            self.misses += 1
            return False
        self.hits += 1
        run.prepare_seconds = run.prepare_seconds or time.monotonic() - run.prepare_started_at
        run.readings = [found.reading]
        run.result = self._evaluator.result(run) | {"readings": found.times, "cached": True}
        return True

    def _is_wanted(self, job: Job) -> bool:
        known = bool(self._ttl and self._engine.revision)
        return known and job.file_options.cache and page_cache.is_repeatable(job.options)

    def keep(self, run: PageRun) -> None:
        """Keep the reading of a page that was looked for in vain, unless it is doubtful."""
        text = page_cache.pack(run.readings) if run.cache_key and run.readings else ""
        if not text:
            return
        try:
            self._kept.put(run.cache_key, run.id, text)
        except RedisError as exc:
            log.info("page not cached: task %s, %s", run.id, exc)

    def _look_up(self, run: PageRun) -> KeptReading | None:
        try:
            text = self._kept.get(run.cache_key, run.id)
        except RedisError as exc:
            log.info("page cache unavailable: task %s is read, %s", run.id, exc)
            return None
        return None if text is None else page_cache.unpack(text)

    def _reader(self) -> Reader:
        """Not before the engine is started."""
        engine = self._engine
        return Reader(
            engine=engine.name,
            model=engine.model,
            revision=engine.revision,
            max_rereads=self._evaluator.max_rereads,
            default_max_tokens=self._default_max_tokens,
        )
