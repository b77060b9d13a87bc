"""Cancels and forgets tasks, many at a time, without a worker: who takes a message later finds its task final.

Each task goes through the step that ends any task, so that its count, its image and its waiting callers are released as usual.
The steps are sent in parts: no part keeps Redis from its other clients for more than some milliseconds.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from ocr_celery.core.status import EXPANDED, FORGOTTEN, STATUS_BY_CELERY_STATE
from ocr_celery.store import scripts
from ocr_celery.store.documents import CANCELLED_KEEP, PageOf
from ocr_celery.store.registry import Registry, of_another_type

_TASKS_PER_PART = 200
_NONE: Mapping[str, Any] = MappingProxyType({})
_EXPANDED = EXPANDED.encode()
CANCELLED_STATES = frozenset({"REVOKED", FORGOTTEN})


class CancelStep(NamedTuple):
    """What is left to do where tasks were cancelled."""

    held: list[str]  #: the ids of those that a worker may hold
    documents: list[str]  #: … and of those that have pages of their own


class Cancellation:
    """Cancels and forgets the tasks of one registry. Every method raises `RedisError`, and may be repeated then."""

    def __init__(self, registry: Registry) -> None:
        self.registry, self.redis, self.keys = registry, registry.redis, registry.keys
        self._forget = self.redis.register_script(scripts.FORGET)

    def states(self, ids: Sequence[str]) -> dict[str, str]:
        """Celery's state of each of these tasks that has a record, tombstones included, in one round trip.

        A record that cannot be read has the state "".
        """
        with self.redis.pipeline(transaction=False) as pipe:
            for id in ids:
                pipe.hget(self.keys.task(id), "state")
            found = pipe.execute(raise_on_error=False)
        return {id: _state(answer) for id, answer in zip(ids, found, strict=True) if answer is not None}

    def cancelled(self, ids: Sequence[str]) -> set[str]:
        """Those of these tasks that were cancelled or forgotten: they are not read, and their results not stored."""
        return {id for id, state in self.states(ids).items() if state in CANCELLED_STATES}

    def forgotten(self, id: str) -> bool:
        """Whether only a tombstone is left of a task or batch."""
        return self.states([id]).get(id) == FORGOTTEN

    def message_found(self, id: str) -> None:
        """The message of a cancelled task was taken and will be acknowledged: its record need not be kept for it."""
        key, keep = self.keys.task(id), self.registry.keep
        if self.redis.ttl(key) > keep:
            self.redis.expire(key, keep)

    def cancel(
        self,
        ids: Sequence[str],
        record: Callable[[str], str],
        *,
        now: float,
        meta_keep: int,
        page_of: Mapping[str, PageOf] = _NONE,
    ) -> CancelStep:
        """Make those of these tasks that are open final as REVOKED, but for open documents, whose pages come first.

        `record`: Celery's record of a revoked task, by its id. `meta_keep`: seconds that it stays. `page_of`: of those that
        are pages of documents, which, as far as the caller knows.
        """
        known: dict[str, Any] = {"now": now, "meta_keep": meta_keep}
        held: list[str] = []
        documents: list[str] = []
        for part in _slices(ids):
            # a page of a document whose record was lost is cancelled, too: the document waits for it
            found = dict.fromkeys((id for id in part if id in page_of), "PENDING") | self.states(part)
            states = {id: state for id, state in found.items() if _is_open(state)}
            documents += [id for id, state in states.items() if state == EXPANDED]
            open_ids = [id for id, state in states.items() if state != EXPANDED]
            with self.redis.pipeline(transaction=False) as pipe:
                for id in open_ids:
                    page = page_of.get(id)
                    self.registry.transition(id, "REVOKED", **known, meta=record(id), page_of=page, pipe=pipe)
                answers = dict(zip(open_ids, pipe.execute(), strict=True))
            # opened since the look at their states
            opened = {id for id, answer in answers.items() if isinstance(answer, list) and answer[-1] == _EXPANDED}
            for id, answer in answers.items():
                if isinstance(answer, bytes):  # a page, and the step needs the keys of its document
                    page = PageOf.from_json(answer)
                    self.registry.transition(id, "REVOKED", **known, meta=record(id), page_of=page)
            held += [id for id in open_ids if states[id] != "PENDING" and id not in opened]
            documents += opened
        return CancelStep(held, documents)

    def forget(self, ids: Sequence[str]) -> None:
        """Leave nothing of these tasks but tombstones, whatever they are."""
        for part in _slices(ids):
            while not self._forget_part(part):  # a page of them was just read, or answered, and is in the cache now
                pass

    def _forget_part(self, ids: Sequence[str]) -> bool:
        keys, keep = self.keys, max(self.registry.keep, CANCELLED_KEEP)
        cached = self._cached(ids)
        touched = list(keys.all_counted)
        for id in ids:
            entry = keys.kept_page(cached[id].decode(errors="replace")) if cached[id] else keys.task(id)
            touched += [keys.task(id), keys.meta(id), keys.blob(id), keys.password(id), entry]
        return bool(self._forget(keys=touched, args=[keep, *(word for pair in cached.items() for word in pair)]))

    def _cached(self, ids: Sequence[str]) -> dict[str, bytes]:
        """Which reading in the cache the record of each of these tasks names; b"" where there is none."""
        with self.redis.pipeline(transaction=False) as pipe:
            for id in ids:
                pipe.hget(self.keys.task(id), "cached")
            found = pipe.execute(raise_on_error=False)
        for answer in found:
            if isinstance(answer, Exception) and not of_another_type(answer):
                raise answer
        return {id: named if isinstance(named, bytes) else b"" for id, named in zip(ids, found, strict=True)}

    def forget_batch(self, id: str) -> None:
        """The same for a batch whose tasks are forgotten: until then that can be repeated."""
        self.forget([id])
        with self.redis.pipeline(transaction=False) as pipe:
            pipe.delete(self.keys.batch(id), self.keys.prompt(id))
            pipe.execute()


def _slices(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    return (ids[at : at + _TASKS_PER_PART] for at in range(0, len(ids), _TASKS_PER_PART))


def _is_open(state: str) -> bool:
    return state in STATUS_BY_CELERY_STATE and not STATUS_BY_CELERY_STATE[state].final


def _state(answer: Any) -> str:
    if isinstance(answer, Exception):
        if not of_another_type(answer):
            raise answer
        return ""
    return str(answer, errors="replace")
