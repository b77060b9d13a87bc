"""Which tasks exist, since when, in which state, and how many are unfinished.

Celery reports any unknown id as PENDING; the registry lets HTTP answer 404, 410 and 503 correctly. Counts are sizes of
sorted sets, so that a query takes constant time.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, cast

from redis import Redis
from redis.client import Pipeline
from redis.exceptions import ResponseError

from ocr_celery.core.file_keeping import LastChange
from ocr_celery.core.quarantine import CrashHistory
from ocr_celery.core.status import EXPANDED, STATUS_BY_CELERY_STATE, Stats, Status
from ocr_celery.store import document_scripts, records, scripts
from ocr_celery.store.admission import META_KEEP, Admission
from ocr_celery.store.documents import CANCELLED_KEEP, Documents, PageOf
from ocr_celery.store.keys import Keys, index_of
from ocr_celery.store.lanes import Lanes
from ocr_celery.store.records import Record

_TASKS_PER_STEP = (
    100  #: looked up in one step, which holds up all others: a few milliseconds where each has a dense page of text
)
_NONE: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class TaskHistory:
    """What a worker needs to know about a task before it works on it."""

    created_at: float  #: Unix seconds
    crashes: CrashHistory
    is_expanded: bool = False  #: whether it is a document whose pages are known


class Registry:
    """The tasks that one service knows. `keep`: seconds a finished task's record stays (longer than its result)."""

    def __init__(self, redis: Redis, keys: Keys, *, keep: int) -> None:
        self.redis = redis
        self.keys = keys
        self.keep = keep
        self.lanes = Lanes(keys)
        self._transition = redis.register_script(document_scripts.TRANSITION)
        self._read_records = redis.register_script(scripts.READ_RECORDS)
        self.documents = Documents(redis, keys, self.lanes, keep=keep)
        self.admission = Admission(redis, keys, self.lanes, keep=keep)

    def transition(
        self,
        id: str,
        state: str,
        *,
        now: float,
        meta: str | bytes = "",
        meta_keep: int = META_KEEP,
        source: str = "",
        about: Mapping[str, str | float] = _NONE,
        page_of: PageOf | None = None,
        ends_document: bool = False,
        pipe: Pipeline | None = None,
    ) -> TaskHistory | None:
        """Store a task's new Celery state, with Celery's record of it. The last page of a document that is final queues the
        document's assembly.

        `page_of`: of which document it is a page, which saves a round trip where the caller knows it. `ends_document`: should
        it be a document whose pages are known, it ends, else that stays as it is.
        `source`: what is shown of where the page comes from, where its sender recorded nothing. `about`: further fields of
        its record, see `records.FIELDS`. Answers what is known of the task, or None where it was final already; it is
        not changed then. `pipe`: the step is taken when this pipeline is executed, and nothing is answered here.
        """
        status = STATUS_BY_CELERY_STATE[state]
        keep = max(self.keep, CANCELLED_KEEP) if state == "REVOKED" else self.keep
        args: list[Any] = [id, now, state, index_of(status) + 2, int(status.final), keep, meta, meta_keep, source]
        fields = [int(ends_document), *(x for pair in about.items() for x in pair)]
        answer = self._move(id, args, page_of, fields, pipe)
        if pipe is not None:
            return None
        if isinstance(answer, bytes):  # a page, and the step needs the keys of its document
            answer = self._move(id, args, PageOf.from_json(answer), fields)
        if answer is None:
            return None
        created, strikes, solo_strikes, last_cause, stored = cast(list[bytes | None], answer)
        crashes = CrashHistory(
            strikes=int(strikes or 0), solo_strikes=int(solo_strikes or 0), last_cause=(last_cause or b"").decode()
        )
        return TaskHistory(float(created or now), crashes, is_expanded=stored == EXPANDED.encode())

    def _move(
        self, id: str, args: list[Any], page_of: PageOf | None, fields: list[Any], pipe: Pipeline | None = None
    ) -> Any:
        keys = self.keys
        touched = [keys.task(id), *keys.all_counted, keys.blob(id), keys.meta(id), keys.changes]
        password = keys.password(id)
        if page_of is None:
            return self._transition(keys=[*touched, password], args=[*args, "", "", *fields], client=pipe)
        document = page_of.document
        touched += [keys.task(document), keys.document(document), keys.open_pages(document), page_of.queue, password]
        return self._transition(keys=touched, args=[*args, page_of.as_json(), page_of.number, *fields], client=pipe)

    def get_record(self, id: str) -> Record | None:
        """One task, in one round trip."""
        with self.redis.pipeline(transaction=False) as pipe:
            pipe.hmget(self.keys.task(id), list(records.FIELDS))
            pipe.get(self.keys.meta(id))
            pipe.zrank(self.keys.counted(Status.PENDING), id)
            found = pipe.execute(raise_on_error=False)
        _raise_trouble(found)
        return records.parse_record(id, *found)

    def get_outline(self, id: str) -> Record | None:
        """The same without what came of the task: of Celery's record there is but the status, if it is still there."""
        with self.redis.pipeline(transaction=False) as pipe:
            pipe.hmget(self.keys.task(id), list(records.FIELDS))
            pipe.exists(self.keys.meta(id))
            found = pipe.execute(raise_on_error=False)
        _raise_trouble(found)
        record = records.parse_record(id, found[0], None)
        return replace(record, meta={"status": record.state}) if record and found[1] else record

    def final_among(self, ids: Sequence[str]) -> set[str]:
        """Those of these tasks that are final, or no longer known, in one round trip."""
        with self.redis.pipeline(transaction=False) as pipe:
            for id in ids:
                pipe.hget(self.keys.task(id), "state")
            states = pipe.execute()
        return {id for id, state in zip(ids, states, strict=True) if not _is_open(state)}

    def celery_record(self, id: str) -> dict[str, Any]:
        """Celery's record of a task; empty when it has expired, or is none."""
        text = self.redis.get(self.keys.meta(id))
        try:
            return records.parse_meta(text)
        except (TypeError, ValueError):
            return {}

    def get_batch(self, id: str) -> tuple[float, list[tuple[Any, str, Record | None]]] | None:
        """When a batch was created and its (url, task id, record), in order, in one round trip and one for 100 tasks.

        Raises `ValueError` for a record that is none of a batch.
        """
        try:
            text = self.redis.get(self.keys.batch(id))
        except ResponseError as exc:
            if of_another_type(exc):
                raise ValueError(str(exc)) from None
            raise
        if text is None:
            return None
        created, ids, urls = records.parse_batch(text)
        found = self.get_records(ids)
        return created, list(zip(urls, ids, found, strict=True))

    def get_records(self, ids: Sequence[str]) -> list[Record | None]:
        """Many tasks, in one round trip for 500 of them."""
        starts = range(0, len(ids), _TASKS_PER_STEP)
        return [record for start in starts for record in self._records(ids[start : start + _TASKS_PER_STEP])]

    def _records(self, ids: Sequence[str]) -> list[Record | None]:
        touched = [self.keys.counted(Status.PENDING), *map(self.keys.task, ids), *map(self.keys.meta, ids)]
        found = cast(list[Any], self._read_records(keys=touched, args=list(ids)))
        return [records.parse_record(id, *answers) for id, answers in zip(ids, found, strict=True)]

    def page_ids(self, document_id: str) -> list[str]:
        """The task ids of a document's pages, in their order; none where it is no document, or not opened yet."""
        pages = self.documents.pages(document_id)
        return pages.ids(document_id) if pages else []

    def batch_task_ids(self, ids: Sequence[str]) -> dict[str, list[str]]:
        """The task ids of those among these ids that are batches, in one round trip."""
        if not ids:
            return {}
        found: dict[str, list[str]] = {}
        for id, text in zip(ids, cast(list[Any], self.redis.mget(list(map(self.keys.batch, ids)))), strict=True):
            if text is not None:
                with suppress(ValueError):
                    found[id] = records.parse_batch(text)[1]
        return found

    def last_changes(self, ids: Sequence[str]) -> list[LastChange | None]:
        """How each of these tasks stands, None where there is no record of it, in one round trip."""
        if not ids:
            return []
        with self.redis.pipeline(transaction=False) as pipe:
            for id in ids:
                pipe.hmget(self.keys.task(id), ["state", "updated_at"])
            found = cast(list[list[bytes | None]], pipe.execute())
        return [LastChange(state.decode(), float(at or 0)) if state else None for state, at in found]

    def end_batch(self, id: str) -> None:
        """The last task of a batch is finished: its record goes when theirs do, its prompt and its password at once."""
        with self.redis.pipeline(transaction=False) as pipe:
            pipe.delete(self.keys.prompt(id), self.keys.password(id))
            pipe.expire(self.keys.batch(id), self.keep)
            pipe.execute()

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


def _raise_trouble(answers: Sequence[Any]) -> None:
    """Raise an error of Redis that is among these answers."""
    for answer in answers:
        if isinstance(answer, Exception) and not of_another_type(answer):
            raise answer


def _is_open(state: bytes | None) -> bool:
    status = STATUS_BY_CELERY_STATE.get((state or b"").decode(errors="replace"))
    return status is not None and not status.final


def of_another_type(exc: Exception) -> bool:
    """Whether a key has another type than expected: an error of the record, not of Redis."""
    return isinstance(exc, ResponseError) and str(exc).startswith("WRONGTYPE")
