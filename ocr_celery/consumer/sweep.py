"""Now and then: forget what has had its time, and find tasks that a purge or a lost message left open for ever."""

import json
import logging
import threading
import time
from collections.abc import Iterator
from typing import Any, cast

from redis.exceptions import RedisError

from ocr_celery.core.status import Status
from ocr_celery.errors import PageLost
from ocr_celery.store.registry import Registry

log = logging.getLogger(__name__)

QUIET = 60.0  #: seconds without a sign of an open task before its message is looked for
_AT_ONCE = 500


class Sweeper:
    """Sweeps every `interval` seconds; of all workers of a service, one at a time."""

    def __init__(self, registry: Registry, *, interval: float, ttl: float) -> None:
        self.registry, self.redis, self.keys = registry, registry.redis, registry.keys
        self.interval, self.ttl = interval, ttl
        self._suspects: set[str] = set()

    def start(self) -> None:
        """Sweep from now on, in a thread of its own."""
        threading.Thread(target=self._run, name="sweeper", daemon=True).start()

    def _run(self) -> None:
        while True:
            time.sleep(self.interval)
            try:
                if self.redis.set(self.keys.sweep, "1", nx=True, px=int(self.interval * 900)):
                    self.sweep(now=time.time())
            except RedisError as exc:
                log.warning("sweep: %s", exc)
            except Exception:
                log.exception("sweep")

    def sweep(self, *, now: float) -> None:
        """Once."""
        for status in (Status.COMPLETED, Status.FAILED):
            self.redis.zremrangebyscore(self.keys.counted(status), "-inf", now - self.ttl)
        quiet = self._quiet(now)
        lost = quiet - self._messages() if quiet else set()
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
            self.registry.move(id, "FAILURE", now=now, meta=json.dumps(meta), meta_keep=int(self.ttl))
        self._suspects = lost - self._suspects

    def _quiet(self, now: float) -> set[str]:
        found: set[str] = set()
        for status in (Status.PENDING, Status.PROCESSING):
            ids = cast(list[bytes], self.redis.zrangebyscore(self.keys.counted(status), "-inf", now - QUIET))
            found.update(id.decode() for id in ids)
        return found

    def _messages(self) -> set[str]:
        """The ids of all tasks whose message is waiting or held, looking in the order in which a message moves."""
        return {_id(text) for text in self._waiting()} | {_id(text) for text in self._held()}

    def _waiting(self) -> Iterator[bytes]:
        for queue in self.keys.waiting:
            # from the head backwards: what enters at the tail meanwhile shifts nothing that was not seen
            start = -_AT_ONCE
            while chunk := cast(list[bytes], self.redis.lrange(queue, start, start + _AT_ONCE - 1)):
                yield from chunk
                start -= _AT_ONCE

    def _held(self) -> Iterator[bytes]:
        for node in cast(list[bytes], self.redis.zrange(self.keys.nodes, 0, -1)):
            yield from cast(list[bytes], self.redis.lrange(self.keys.handed(node.decode()), 0, -1))
            yield from cast(list[bytes], self.redis.hvals(self.keys.unacked(node.decode())))


def _id(text: bytes) -> str:
    """The task id in a message or a record of one; empty where there is none, as the worker that takes it will find."""
    try:
        message = json.loads(text)
        headers = (message[0] if isinstance(message, list) else message)["headers"]
        return str(headers["id"])
    except (ValueError, LookupError, TypeError, RecursionError):
        return ""
