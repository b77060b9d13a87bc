"""Now and then: forget what has had its time, and find tasks that a purge or a lost message left open for ever.

All of it in small steps: none keeps Redis from others for more than some milliseconds, however many tasks there are.
"""

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, cast

from redis.exceptions import RedisError

from ocr_celery.core.status import Status
from ocr_celery.errors import PageLost
from ocr_celery.store import node_names, scripts
from ocr_celery.store.redis_errors import explain
from ocr_celery.store.registry import Registry

log = logging.getLogger(__name__)

QUIET = 60.0  #: seconds without a sign of an open task before its message is looked for
ENOUGH = 20_000  #: messages after which one sweep leaves the rest of the tasks to the next where none was missing
MOST = 1_000_000  #: … and where some were
_TASKS = 2000  #: tasks that are looked at, or forgotten, in one step
_BYTES = 500_000  #: bytes of messages that are read in one step
_PAUSE = 0.005  #: seconds between two steps: others have their turn


class Sweeper:
    """Sweeps every `interval` seconds, if `may_sweep`: of all workers of a service, one does."""

    def __init__(self, registry: Registry, *, interval: float, ttl: float, may_sweep: Callable[[], bool]) -> None:
        self.registry, self.redis, self.keys = registry, registry.redis, registry.keys
        self.interval, self.ttl, self.may_sweep = interval, ttl, may_sweep
        self._trim = self.redis.register_script(scripts.TRIM_FINISHED)
        self._suspects: set[str] = set()
        self._seen = 0  # messages, in this sweep

    def start(self) -> None:
        """Sweep from now on, in a thread of its own."""
        threading.Thread(target=self._run, name="sweeper", daemon=True).start()

    def _run(self) -> None:
        while True:
            time.sleep(self.interval)
            try:
                if self.may_sweep():
                    self.sweep(now=time.time())
            except RedisError as exc:
                log.warning("sweep: %s", explain(exc))
            except Exception:
                log.exception("sweep")

    def sweep(self, *, now: float) -> None:
        """Once."""
        for status in (Status.COMPLETED, Status.FAILED):
            while self._trim(keys=[self.keys.counted(status)], args=[now - self.ttl, _TASKS]) == _TASKS:
                time.sleep(_PAUSE)
        lost = self._without_message(now)
        # a message may have moved while we looked: only what is missing twice in a row is lost
        for id in lost & self._suspects:
            log.error("task %s is open but its message is gone (was the queue purged?); it is failed", id)
            error = PageLost()
            meta: dict[str, Any] = {
                "status": "FAILURE",
                "result": error.as_result(),
                "traceback": None,
                "children": [],
                "task_id": id,
            }
            self.registry.transition(id, "FAILURE", now=now, meta=json.dumps(meta), meta_keep=int(self.ttl))
        self._suspects = lost - self._suspects

    def _without_message(self, now: float) -> set[str]:
        """The ids of quiet open tasks whose message neither waits nor is held.

        Those that have been quiet for longest are looked up first, a part at a time: their messages are the next to be
        taken, so that they are found soon. Of a long queue not all is looked at, unless some of these are missing: what is
        lost further back comes to the front as the others are read.
        """
        found: set[str] = set()
        self._seen = 0
        for status in (Status.PROCESSING, Status.PENDING):
            for ids in self._quiet(status, now):
                missing = self._missing(ids)
                found |= missing
                if self._seen > (MOST if missing else ENOUGH):
                    break
        return found

    def _quiet(self, status: Status, now: float) -> Iterator[set[str]]:
        key, start = self.keys.counted(status), 0
        while part := cast(list[Any], self.redis.zrange(key, start, start + _TASKS - 1, withscores=True)):
            quiet = [id.decode() for id, changed in part if changed <= now - QUIET]
            if quiet:
                yield set(quiet)
            if len(quiet) < len(part):
                return
            start += _TASKS

    def _missing(self, ids: set[str]) -> set[str]:
        """Those whose message is nowhere, looking in the order in which a message moves; most that are read are held."""
        for messages in (self._held, self._waiting, self._held):
            for text in messages():
                ids.discard(_id(text))
                if not ids:
                    return ids
        return ids

    def _waiting(self) -> Iterator[bytes]:
        others = sorted(name.decode() for name in cast(set[bytes], self.redis.smembers(self.keys.queues)))
        for queue in (*self.keys.waiting, *(key for name in others for key in self.keys.lists_of(name))):
            yield from self._list(queue)

    def _list(self, key: str) -> Iterator[bytes]:
        """All that lies in a list, from the head backwards: what enters at the tail meanwhile shifts nothing unseen."""
        start, most = 0, 8
        while part := cast(list[bytes], self.redis.lrange(key, -start - most, -start - 1)):
            yield from reversed(part)
            start += len(part)
            self._seen += len(part)
            size = sum(map(len, part)) // len(part) + 1
            most = max(1, min(2 * most, _BYTES // size, 500))  # a message may hold a whole image
            time.sleep(_PAUSE)

    def _held(self) -> Iterator[bytes]:
        names = [name.decode() for name in cast(list[bytes], self.redis.zrange(self.keys.nodes, 0, -1))]
        for name in node_names.names_with_messages(self.redis, self.keys, names):
            yield from self._list(self.keys.handed(name))
            for _, record in self.redis.hscan_iter(self.keys.unacked(name), count=100):
                yield cast(bytes, record)


def _id(text: bytes) -> str:
    """The task id in a message or a record of one; empty where there is none, as the worker that takes it will find."""
    try:
        message = json.loads(text)
        headers = (message[0] if isinstance(message, list) else message)["headers"]
        return str(headers["id"])
    except (ValueError, LookupError, TypeError, RecursionError):
        return ""
