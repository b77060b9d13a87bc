"""Sweeper: forgets expired records, fails open tasks whose message is gone, and deletes files that no task needs.

It works in small steps: none occupies Redis for more than some milliseconds, however many tasks there are.
"""

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, cast

from redis.exceptions import RedisError, ResponseError

from ocr_celery.consumer.file_cleaner import FileCleaner
from ocr_celery.core.document import page_id
from ocr_celery.core.status import Status
from ocr_celery.errors import PageLost
from ocr_celery.store import node_names, scripts
from ocr_celery.store.documents import PageOf
from ocr_celery.store.lanes import read_lanes
from ocr_celery.store.redis_errors import explain
from ocr_celery.store.registry import Registry
from ocr_celery.task_results import failed_record

log = logging.getLogger(__name__)

QUIET_SECONDS = 60.0  #: seconds without a change of an open task before its message is looked for
MAX_MESSAGES = 20_000  #: messages that one sweep looks at where none is missing; the next sweep goes on
MAX_MESSAGES_IF_MISSING = 1_000_000  #: … and where some were
_TASKS_PER_STEP = 2000  #: tasks that one step looks at, or forgets
_BYTES_PER_STEP = 500_000  #: bytes of messages that one step reads
_PAUSE = 0.005  #: seconds between two steps, for the other clients of Redis


class Sweeper:
    """Sweeps every `interval` seconds, if `may_sweep`: of all workers of a service, one does."""

    def __init__(
        self,
        registry: Registry,
        *,
        interval: float,
        ttl: float,
        may_sweep: Callable[[], bool],
        files: FileCleaner | None = None,
    ) -> None:
        self.registry, self.redis, self.keys = registry, registry.redis, registry.keys
        self.interval, self.ttl, self.may_sweep = interval, ttl, may_sweep
        self._files = files
        self._trim = self.redis.register_script(scripts.TRIM_FINISHED)
        self._missing_before: set[str] = set()
        self._needs_no_message: set[str] = set()  # documents that are open, in this sweep
        self._messages_seen = 0  # messages, in this sweep

    def start(self) -> None:
        """Sweep from now on, in thread "sweeper"."""
        threading.Thread(target=self._run, name="sweeper", daemon=True).start()

    def _run(self) -> None:
        while True:
            time.sleep(self.interval)
            try:
                if self.may_sweep():
                    self.sweep(now=time.time())
                    if self._files is not None:
                        self._files.sweep(now=time.time())
            except RedisError as exc:
                log.warning("sweep failed: %s", explain(exc))
            except Exception:
                log.exception("unexpected error: sweeper thread")

    def sweep(self, *, now: float) -> None:
        """Sweep once. `now`: Unix seconds."""
        for status in (Status.COMPLETED, Status.FAILED):
            while (
                self._trim(keys=[self.keys.counted(status)], args=[now - self.ttl, _TASKS_PER_STEP]) == _TASKS_PER_STEP
            ):
                time.sleep(_PAUSE)
        self._needs_no_message = self._sweep_documents(now)
        lost = self._without_message(now)
        # a message may have moved meanwhile: only what two sweeps in a row miss is lost
        for id in lost & self._missing_before:
            try:
                self._fail_lost(id, now)
            except ResponseError as exc:  # what Redis refuses of one must not keep the others
                log.warning("task without a message: %s is left to a later sweep, %s", id, explain(exc))
        self._missing_before = lost - self._missing_before

    def _fail_lost(self, id: str, now: float) -> None:
        if self.registry.documents.requeue_assembly(id):
            log.warning("message lost: document %s is assembled all the same", id)
        else:
            self._lose(id, now)

    def _sweep_documents(self, now: float) -> set[str]:
        """Settle the documents that are final. Answers those that wait for their pages, and so have no message."""
        documents = self.registry.documents
        left = [id for id in documents.unsettled() if not documents.settle(id, meta_keep=int(self.ttl))]
        waiting = documents.with_open_pages(left)
        for id in waiting:
            for page in documents.pages_without_record(id):
                self._lose(page_id(id, page.number), now, page)
        return waiting

    def _lose(self, id: str, now: float, page_of: PageOf | None = None) -> None:
        log.error("message lost: task %s fails with page_lost (was the queue purged?)", id)
        meta = failed_record(id, PageLost(), now)
        known: dict[str, Any] = {"now": now, "meta": meta, "meta_keep": int(self.ttl), "page_of": page_of}
        ends = not self.registry.documents.has_open_pages(id)  # else it was opened just now
        self.registry.transition(id, "FAILURE", **known, ends_document=ends)

    def _without_message(self, now: float) -> set[str]:
        """The ids of quiet open tasks whose message is in no queue and with no worker.

        The longest quiet come first, a part at a time: their messages are the next to be taken, so that they are found
        soon. A long queue is not searched to its end, unless some of these are missing: tasks that were lost further back
        come to the front as the others are read.
        """
        found: set[str] = set()
        self._messages_seen = 0
        for status in (Status.PROCESSING, Status.PENDING):
            for ids in self._quiet(status, now):
                missing = self._missing(ids - self._needs_no_message)
                found |= missing
                if self._messages_seen > (MAX_MESSAGES_IF_MISSING if missing else MAX_MESSAGES):
                    break
        return found

    def _quiet(self, status: Status, now: float) -> Iterator[set[str]]:
        key, start = self.keys.counted(status), 0
        while part := cast(list[Any], self.redis.zrange(key, start, start + _TASKS_PER_STEP - 1, withscores=True)):
            quiet = [id.decode() for id, changed in part if changed <= now - QUIET_SECONDS]
            if quiet:
                yield set(quiet)
            if len(quiet) < len(part):
                return
            start += _TASKS_PER_STEP

    def _missing(self, ids: set[str]) -> set[str]:
        """Those whose message is nowhere; searches in the order in which messages move."""
        for messages in (self._held_messages, self._waiting_messages, self._held_messages):
            for text in messages():
                ids.discard(_task_id(text))
                if not ids:
                    return ids
        return ids

    def _waiting_messages(self) -> Iterator[bytes]:
        others = sorted(name.decode() for name in cast(set[bytes], self.redis.smembers(self.keys.queues)))
        queues = (*self.keys.waiting, *(key for name in others for key in self.keys.lists_of(name)))
        yield from _interleaved([self._read_list(name) for name in (*read_lanes(self.redis, self.keys), *queues)])

    def _read_list(self, key: str) -> Iterator[bytes]:
        """All entries of a list, from the head backwards, so that what enters at the tail meanwhile shifts nothing unseen."""
        start, count = 0, 8
        while part := cast(list[bytes], self.redis.lrange(key, -start - count, -start - 1)):
            yield from reversed(part)
            start += len(part)
            self._messages_seen += len(part)
            size = sum(map(len, part)) // len(part) + 1
            count = max(1, min(2 * count, _BYTES_PER_STEP // size, 500))  # a message may hold a whole image
            time.sleep(_PAUSE)

    def _held_messages(self) -> Iterator[bytes]:
        names = [name.decode() for name in cast(list[bytes], self.redis.zrange(self.keys.nodes, 0, -1))]
        for name in node_names.names_with_messages(self.redis, self.keys, names):
            yield from self._read_list(self.keys.handed(name))
            for _, record in self.redis.hscan_iter(self.keys.unacked(name), count=100):
                yield cast(bytes, record)


def _interleaved(lists: list[Iterator[bytes]]) -> Iterator[bytes]:
    """One of each in turn: the oldest are at the heads, and those of one list do not wait for the end of another."""
    while lists:
        for one in tuple(lists):
            try:
                yield next(one)
            except StopIteration:
                lists.remove(one)


def _task_id(text: bytes) -> str:
    """The task id in a message or in a record of one; empty where there is none."""
    try:
        message = json.loads(text)
        headers = (message[0] if isinstance(message, list) else message)["headers"]
        return str(headers["id"])
    except (ValueError, LookupError, TypeError, RecursionError):
        return ""
