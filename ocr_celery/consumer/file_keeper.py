"""Stores the files of pages that came in a message or from a URL once they were read, as exports of their results need them.

What was uploaded lies in the store already and stays there (`file_cleaner.py`). The bytes are in memory until then, so their sum
is bounded; a file beyond that is not kept, which its exports say. No page waits for it, and none fails for it.
"""

import logging
import threading
from collections.abc import Callable
from queue import SimpleQueue

from redis.exceptions import RedisError

from ocr_celery.consumer.page_run import PageRun
from ocr_celery.core.file_keeping import file_name_of
from ocr_celery.core.file_reference import IN_STORE
from ocr_celery.errors import StoreUnavailable
from ocr_celery.store.files.contract import FileStore, is_name
from ocr_celery.store.registry import Registry

log = logging.getLogger(__name__)

MOST_BYTES = 256 * 1024 * 1024  #: of files that are held until they are stored

Then = Callable[[PageRun], None]


def _nothing(_: PageRun) -> None:
    """Nothing follows."""


class FileKeeper:
    """Stores files that were read. Safe to share between threads. Does nothing where the store is Redis, or `enabled` is false.

    `then`: called with each page that was read, when its file lies in the store or is known not to; in thread
    "keep-files", or in the caller's where there is nothing to store.
    """

    def __init__(
        self, store: FileStore, registry: Registry, *, enabled: bool, then: Then = _nothing, most: int = MOST_BYTES
    ) -> None:
        self._store, self._registry, self._then = store, registry, then
        self._enabled = enabled and not store.in_redis
        self._room = most
        self._lock = threading.Lock()
        self._unstored, self._all_stored = 0, threading.Condition(self._lock)  # files in the queue or on their way
        self._read: SimpleQueue[tuple[PageRun, bytes]] = SimpleQueue()

    def start(self) -> None:
        """Store from now on what was read, in thread "keep-files"."""
        if self._enabled:
            threading.Thread(target=self._run, name="keep-files", daemon=True).start()

    def hold(self, run: PageRun, data: bytes) -> None:
        """These are the bytes of the task's file, which lies nowhere else under its name: hold them until it is read."""
        name = file_name_of(run.id)
        if not self._enabled or run.job is None or run.job.source == IN_STORE + name or not is_name(name):
            return
        with self._lock:
            if run.held_file is not None or len(data) > self._room:
                return
            self._room -= len(data)
        run.held_file = data

    def finish(self, run: PageRun, *, was_read: bool) -> None:
        """The task is done with here: store its file if it was read. Returns at once."""
        data, run.held_file = run.held_file, None
        if data is not None and was_read:
            with self._lock:
                self._unstored += 1
            self._read.put((run, data))
            return
        self._free(data)
        if was_read:
            self._then(run)

    def drain(self, seconds: float) -> None:
        """Wait until all that was read is stored, so many seconds at most: the worker ends, and nothing else has the files."""
        with self._all_stored:
            if not self._all_stored.wait_for(lambda: not self._unstored, seconds):
                log.warning(
                    "files not kept: %d, their exports have no pictures: the store takes too long", self._unstored
                )

    def _free(self, data: bytes | None) -> None:
        with self._lock:
            self._room += len(data or b"")

    def _run(self) -> None:
        while True:
            run, data = self._read.get()
            try:
                self._keep(run.id, data)
            except (RedisError, StoreUnavailable) as exc:
                log.warning("file not kept: task %s, its exports have no pictures: %s", run.id, exc)
            except Exception:
                log.exception("unexpected error: file not kept, task %s", run.id)
            self._free(data)
            self._then(run)
            del run, data
            with self._all_stored:
                self._unstored -= 1
                self._all_stored.notify_all()

    def _keep(self, task_id: str, data: bytes) -> None:
        name = file_name_of(task_id)
        self._store.put(name, data)
        # looked up when it is there: who forgets the task meanwhile may have found no file to delete
        task = self._registry.last_changes([task_id])[0]
        if task is None or task.state != "SUCCESS":
            self._store.delete(name)
