"""Which tasks exist, since when, how they stand, and how many are unfinished.

Celery calls any id it never saw PENDING; this is how HTTP can say 404, 410 and 503 truthfully. Counts are sizes of
sorted sets, so that asking takes the same time however many tasks there are.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from redis import Redis
from redis.exceptions import NoScriptError

from ocr_celery.core.status import OF_STATE, Stats
from ocr_celery.store import scripts
from ocr_celery.store.keys import Keys, index_of

_UNTIL_ACCEPTED = 60  #: seconds that an image stays whose task is not taken in, as the sender's process died between
_META_KEEP = 86400  #: seconds, where the caller stores no record of Celery's


@dataclass(frozen=True, slots=True)
class Record:
    """What is known of one task: times in Unix seconds, Celery's state, and Celery's own record if it is still there."""

    id: str
    created_at: float
    updated_at: float
    state: str
    meta: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Standing:
    """What a worker must know of a task it is about to work on."""

    created_at: float  #: Unix seconds
    deaths: int  #: ends of a worker or engine at which the page was inside
    alone: int  #: … and alone
    killed: str  #: what ended last, see `inside.WEIGHT`


class Registry:
    """The tasks that one service knows. `keep`: seconds a finished task's record stays (longer than its result)."""

    def __init__(self, redis: Redis, keys: Keys, *, keep: int) -> None:
        self.redis = redis
        self.keys = keys
        self.keep = keep
        self._accept = redis.register_script(scripts.ACCEPT)
        self._move = redis.register_script(scripts.MOVE)
        self._look = redis.register_script(scripts.LOOK)

    def accept(
        self,
        ids: Sequence[str],
        publish: Sequence[tuple[str, str, str]],
        *,
        now: float,
        limit: int = 0,
        blob: bytes = b"",
        batch: tuple[str, str, int] | None = None,
    ) -> tuple[bool, int]:
        """Count, record and queue new tasks in one step. Answers (taken in?, unfinished tasks now).

        `blob`: the image of the only task. `batch`: id, value and seconds to keep of the record that names them all.
        """
        names = [*self.keys.all_counted[:2], *map(self.keys.task, ids)]
        names += [self.keys.blob(ids[0])] if blob else []
        names += [self.keys.batch(batch[0])] if batch else []
        args: list[Any] = [now, limit, int(bool(blob)), len(ids), *ids, *((batch[2], batch[1]) if batch else (0, ""))]
        index = {key: len(names) + i for i, key in enumerate(dict.fromkeys(key for _, key, _ in publish), start=1)}
        names += index
        for command, key, payload in publish:
            args += [command, index[key], payload]
        taken, open = self._accept_with(blob, names, args) if blob else self._accept(keys=names, args=args)
        return bool(taken), open

    def _accept_with(self, blob: bytes, names: list[str], args: list[Any]) -> list[int]:
        """The same with an image: as an argument of the step it would be copied twice more."""
        with self.redis.pipeline(transaction=False) as pipe:
            # where this is tried again, its own first try stays as it is
            pipe.set(names[3], blob, ex=_UNTIL_ACCEPTED, nx=True)
            pipe.evalsha(self._accept.sha, len(names), *names, *args)
            try:
                return cast(list[int], pipe.execute()[1])
            except NoScriptError:  # a Redis that has just been started
                return cast(list[int], self._accept(keys=names, args=args))

    def move(
        self, id: str, state: str, *, now: float, meta: str | bytes = "", meta_keep: int = _META_KEEP
    ) -> Standing | None:
        """Store a task's new Celery state, with Celery's record of it.

        Answers what is known of the task, or None where it was final already and stays as it is.
        """
        status = OF_STATE[state]
        keys = self.keys
        args: list[Any] = [id, now, state, index_of(status) + 2, int(status.final), self.keep, meta, meta_keep]
        touched = [keys.task(id), *keys.all_counted, keys.blob(id), keys.meta(id)]
        answer = cast(list[bytes | None] | None, self._move(keys=touched, args=args))
        if answer is None:
            return None
        created, deaths, alone, killed = answer
        return Standing(float(created or now), int(deaths or 0), int(alone or 0), (killed or b"").decode())

    def find(self, id: str) -> Record | None:
        """One task, in one round trip."""
        with self.redis.pipeline(transaction=False) as pipe:
            pipe.hmget(self.keys.task(id), ["created_at", "updated_at", "state"])
            pipe.get(self.keys.meta(id))
            (created, updated, state), meta = pipe.execute()
        return _record(id, created, updated, state, meta)

    def meta(self, id: str) -> dict[str, Any]:
        """Celery's record of a task; empty when it has expired."""
        text = cast(bytes | None, self.redis.get(self.keys.meta(id)))
        return cast(dict[str, Any], json.loads(text)) if text else {}

    def find_batch(self, id: str) -> tuple[float, list[tuple[Any, str, Record | None]]] | None:
        """When a batch was created and its (url, task id, record), in order, in two round trips."""
        text = cast(bytes | None, self.redis.get(self.keys.batch(id)))
        if text is None:
            return None
        batch = json.loads(text)
        ids = batch["ids"]
        records = cast(list[Any], self._look(keys=[*map(self.keys.task, ids), *map(self.keys.meta, ids)]))
        items = zip(json.loads(batch["urls"]), ids, records, strict=True)
        return batch["created_at"], [(url, tid, _record(tid, *r)) for url, tid, r in items]

    def end_batch(self, id: str) -> None:
        """The last task of a batch is finished: its record goes when theirs do."""
        self.redis.expire(self.keys.batch(id), self.keep)

    def unfinished(self) -> int:
        """How many tasks count against the limit, in one round trip."""
        with self.redis.pipeline(transaction=False) as pipe:
            for zset in self.keys.all_counted[:2]:
                pipe.zcard(zset)
            return sum(pipe.execute())

    def stats(self, *, now: float, limit: int) -> Stats:
        """The counts, in one round trip and constant time."""
        with self.redis.pipeline(transaction=False) as pipe:
            for zset in self.keys.all_counted:
                pipe.zcard(zset)
            pipe.zcount(self.keys.workers, now, "+inf")
            pending, processing, completed, failed, workers = pipe.execute()
        return Stats(
            pending=pending,
            processing=processing,
            completed=completed,
            failed=failed,
            queue_limit=limit,
            workers=workers,
        )


def _record(
    id: str, created: bytes | None, updated: bytes | None, state: bytes | None, meta: bytes | None
) -> Record | None:
    if created is None or updated is None or state is None:
        return None
    return Record(id, float(created), float(updated), state.decode(), json.loads(meta) if meta else None)
