"""Deletes files of the store: that of a task without a result at once, and by the sweeper whatever no task needs any more.

The file of a task that was read stays as long as the result, for exports, unless OCR_KEEP_FILES is off. A file is deleted only
after its task's record says that it is final: a page that goes back to the queue is read again. What is missed (the worker
dies, the store is away) the sweeper deletes. In Redis, admission and result steps keep and delete files.
"""

import logging
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from queue import Empty, SimpleQueue
from threading import Thread

from redis.exceptions import RedisError

from ocr_celery.core.file_keeping import file_name_of, is_kept, needs_no_file, task_of
from ocr_celery.errors import StoreUnavailable
from ocr_celery.store.files.contract import FileStore, StoredFile
from ocr_celery.store.redis_errors import explain
from ocr_celery.store.registry import Registry

log = logging.getLogger(__name__)

_FILES_PER_STEP = 500  #: files that are looked up and deleted in one step
_PAUSE = 0.005  #: seconds between two steps, for the other clients of Redis


class FileCleaner:
    """Deletes files of tasks that are final. Safe to share between threads. Does nothing where Redis is the store.

    `ttl`: seconds that a result is kept. `keep`: whether the files of tasks that were read stay as long.
    """

    def __init__(self, store: FileStore, registry: Registry, *, ttl: float, keep: bool = True) -> None:
        self._store, self._registry, self._ttl, self._keep = store, registry, ttl, keep
        self._finished: SimpleQueue[str] = SimpleQueue()

    def start(self) -> None:
        """Delete from now on what `finish` names, in thread "files"."""
        if not self._store.in_redis:
            Thread(target=self._run, name="files", daemon=True).start()

    def finish(self, task_id: str) -> None:
        """The task of a file is finished, or back in the queue: the file goes if no one needs it. Returns at once."""
        if not self._store.in_redis:
            self._finished.put(task_id)

    def sweep(self, *, now: float) -> None:
        """Delete every file that is not needed. `now`: Unix seconds. Raises `RedisError`."""
        if self._store.in_redis:
            return
        try:
            files = self._store.list()
            while group := list(islice(files, _FILES_PER_STEP)):
                self._sweep_group(group, now)
                time.sleep(_PAUSE)
        except StoreUnavailable as exc:
            log.warning("store of files not swept: %s", exc)

    def _sweep_group(self, group: Sequence[StoredFile], now: float) -> None:
        tasks = self._registry.last_changes([task_of(file.name) for file in group])
        gone = [
            file.name
            for file, task in zip(group, tasks, strict=True)
            if not is_kept(task, file.changed_at, now=now, ttl=self._ttl)
        ]
        if gone:
            self._store.delete(*gone)
            log.info("files deleted: %d that no task needs", len(gone))

    def _run(self) -> None:
        while True:
            ids = list(self._next_ids())
            try:
                tasks = self._registry.last_changes(ids)
                gone = [id for id, task in zip(ids, tasks, strict=True) if needs_no_file(task, keep=self._keep)]
                if gone:
                    self._store.delete(*map(file_name_of, gone))
            except (RedisError, StoreUnavailable) as exc:
                said = explain(exc) if isinstance(exc, RedisError) else exc
                log.warning("files not deleted: %d left to the sweeper: %s", len(ids), said)
            except Exception:
                log.exception("unexpected error: files thread")

    def _next_ids(self) -> Iterator[str]:
        """Those that wait, once there is one."""
        yield self._finished.get()
        for _ in range(_FILES_PER_STEP):
            try:
                yield self._finished.get_nowait()
            except Empty:
                return
