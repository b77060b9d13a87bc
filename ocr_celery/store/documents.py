"""Documents in Redis: opened in one step, followed page by page, and settled in bounded steps once they are final."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self, cast

from redis import Redis

from ocr_celery.core.document import PageResult, PageSet, page_id
from ocr_celery.core.lane_weights import BULK
from ocr_celery.errors import OcrError, ResultExpired
from ocr_celery.store import document_scripts, records
from ocr_celery.store.keys import Keys
from ocr_celery.store.lanes import Lanes

_PAGES_PER_STEP = 200  #: looked at or changed in one step, which is over in a few milliseconds
_RESULTS_PER_TRIP = 25  #: a page's text may have megabytes
CANCELLED_KEEP = 7 * 86400  #: seconds; the message of a cancelled task may wait as long as that, and must find it final
GONE, FINAL, EXPANDED_BEFORE, EXPANDED_NOW = -2, -1, 0, 1  #: what `expand` answers, see document_scripts.EXPAND


@dataclass(frozen=True, slots=True)
class PageOf:
    """Which page of which document a task reads."""

    document: str  #: task id
    number: int
    queue: str  #: that the document's assembly is sent to

    def as_json(self) -> str:
        """As it stands in the record of the page."""
        return json.dumps([self.document, self.number, self.queue])

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Raises `ValueError` or `TypeError` for anything else."""
        return cls(*json.loads(text))


@dataclass(frozen=True, slots=True)
class OpenedDocument:
    """What a page needs to know of its document."""

    kind: str  #: "pdf" or "tiff"
    state: str  #: Celery's; "" where its record is gone
    file: str  #: its reference
    source: str  #: as logs show it
    options: Mapping[str, Any]  #: of its pages, as in a message
    password: str  #: the id of its password; "" where it has none


class Documents:
    """The documents of one service. `keep`: seconds that a finished task's record stays."""

    def __init__(self, redis: Redis, keys: Keys, lanes: Lanes, *, keep: int) -> None:
        self._redis, self._keys, self._lanes, self._keep = redis, keys, lanes, keep
        self._expand = redis.register_script(document_scripts.EXPAND)
        self._settle = redis.register_script(document_scripts.SETTLE)
        self._read_states = redis.register_script(document_scripts.READ_STATES)
        self._mark_cancelled = redis.register_script(document_scripts.MARK_CANCELLED)
        self._requeue_assembly = redis.register_script(document_scripts.REQUEUE_ASSEMBLY)

    def expand(
        self,
        id: str,
        pages: PageSet,
        messages: Sequence[str],
        *,
        now: float,
        queue: str,
        about: Mapping[str, str],
        meta: str | bytes,
        meta_keep: int,
        file_in_redis: bool,
        password: str = "",
    ) -> int:
        """Record and queue the pages of a document, one message each, in one step. Answers one of the constants above.

        `about`: the fields of its hash, see `Keys.document`. `password`: the id of its password, if it has one.
        """
        keys, page_ids, numbers = self._keys, pages.ids(id), pages.numbers
        pending, processing = keys.all_counted[:2]
        touched = [keys.task(id), keys.document(id), keys.open_pages(id), keys.documents, pending, processing]
        touched += [keys.blob(id), keys.meta(id)]
        # the lanes are those of the service's queue; a page of another queue waits there
        touched += [
            keys.lane(BULK) if queue == keys.queue else queue,
            keys.changes,
            *map(keys.task, page_ids),
            *self._lanes.keys,
        ]
        about = {**about, "queue": queue, "password": password, "pages": pages.as_json()}
        args: list[Any] = [id, now, int(file_in_redis), meta, meta_keep, pages.as_json()]
        args += [len(about), len(messages), self._lanes.strides, *(x for pair in about.items() for x in pair)]
        for page, number, message in zip(page_ids, numbers, messages, strict=True):
            args += [page, number, PageOf(id, number, queue).as_json(), message]
        return cast(int, self._expand(keys=touched, args=args))

    def pages(self, id: str) -> PageSet | None:
        """Which pages a document has; None where it is no document, or not opened yet."""
        text = cast(bytes | None, self._redis.hget(self._keys.task(id), "pages"))
        return records.parse_pages(text)

    def opened(self, id: str) -> OpenedDocument | None:
        """What a page of this document needs to know; None where it is not known any more."""
        with self._redis.pipeline(transaction=False) as pipe:
            pipe.hmget(self._keys.document(id), ["kind", "file", "source", "options", "password"])
            pipe.hget(self._keys.task(id), "state")
            found, state = pipe.execute()
        if found[0] is None or found[3] is None:
            return None
        kind, file, source, options, password = ((value or b"").decode() for value in found)
        return OpenedDocument(kind, (state or b"").decode(), file, source, json.loads(options), password)

    def outputs(self, id: str) -> tuple[str, ...]:
        """The formats that are to be made of a document's result."""
        return tuple(filter(None, self._field(id, "outputs").split(",")))

    def has_open_pages(self, id: str) -> bool:
        """Whether pages of this document are not final."""
        return bool(self._redis.exists(self._keys.open_pages(id)))

    def states(self, id: str, pages: PageSet) -> list[str | None]:
        """Celery's states of a document's pages, in their order; None where a page has no record."""
        ids = pages.ids(id)
        found: list[str | None] = []
        for start in range(0, len(ids), 5 * _PAGES_PER_STEP):
            part = ids[start : start + 5 * _PAGES_PER_STEP]
            answers = cast(list[Any], self._read_states(keys=list(map(self._keys.task, part))))
            found += [state.decode(errors="replace") if isinstance(state, bytes) else None for state in answers]
        return found

    def results(self, id: str, numbers: Sequence[int]) -> Iterator[PageResult]:
        """What became of these pages, which are final, in the order given."""
        for start in range(0, len(numbers), _RESULTS_PER_TRIP):
            part = numbers[start : start + _RESULTS_PER_TRIP]
            texts = cast(list[Any], self._redis.mget([self._keys.meta(page_id(id, number)) for number in part]))
            for number, text in zip(part, texts, strict=True):
                yield PageResult(number, _result(text))

    def settle(self, id: str, *, meta_keep: int) -> bool:
        """Let what is left of a final document expire, with its pages. `meta_keep`: seconds to keep their results.

        False: it is not final, and nothing was done. Safe to repeat.
        """
        keys = self._keys
        shared = [keys.task(id), keys.document(id), keys.open_pages(id), keys.documents]
        pages = records.parse_pages(self._field(id, "pages").encode())
        ids = pages.ids(id) if pages else []
        for start in range(0, max(len(ids), 1), _PAGES_PER_STEP):
            part = [key for page in ids[start : start + _PAGES_PER_STEP] for key in (keys.task(page), keys.meta(page))]
            is_last = start + _PAGES_PER_STEP >= len(ids)
            args: list[str | int] = [id, self._keep, meta_keep, int(is_last), max(self._keep, CANCELLED_KEEP)]
            if not self._settle(keys=[*shared, *part], args=args):
                return False
        return True

    def unsettled(self) -> list[str]:
        """The ids of the documents that are open, or were left unsettled, those opened first in front."""
        return [id.decode() for id in cast(list[bytes], self._redis.zrange(self._keys.documents, 0, -1))]

    def with_open_pages(self, ids: Sequence[str]) -> set[str]:
        """Those of these documents that have pages which are not final."""
        with self._redis.pipeline(transaction=False) as pipe:
            for id in ids:
                pipe.exists(self._keys.open_pages(id))
            return {id for id, is_open in zip(ids, pipe.execute(), strict=True) if is_open}

    def pages_without_record(self, id: str) -> list[PageOf]:
        """The open pages of a document that Redis knows nothing of: nobody will make them final."""
        numbers = sorted(int(number) for number in cast(set[bytes], self._redis.smembers(self._keys.open_pages(id))))
        if not numbers:
            return []
        queue = self.queue(id)
        states = self.states(id, PageSet.of(numbers, numbers[-1]))
        return [PageOf(id, number, queue) for number, state in zip(numbers, states, strict=True) if state is None]

    def requeue_assembly(self, id: str) -> bool:
        """Queue a document's assembly, whose message was lost. False: it needs none, as pages are open or it is final."""
        keys = self._keys
        touched = [keys.task(id), keys.document(id), keys.open_pages(id), self.queue(id)]
        return bool(self._requeue_assembly(keys=touched))

    def mark_cancelled(self, id: str) -> bool:
        """Note that an open document is being cancelled, before its pages are. False: it is not open."""
        return bool(self._mark_cancelled(keys=[self._keys.task(id), self._keys.document(id)]))

    def was_cancelled(self, id: str) -> bool:
        """Whether that was noted."""
        return bool(self._field(id, "cancelled"))

    def queue(self, id: str) -> str:
        """The queue that a document's assembly is sent to."""
        return self._field(id, "queue") or self._keys.queue

    def page_ids_by_document(self, ids: Sequence[str]) -> dict[str, list[str]]:
        """The task ids of the pages of those of these tasks that are documents, in one round trip."""
        with self._redis.pipeline(transaction=False) as pipe:
            for id in ids:
                pipe.hget(self._keys.task(id), "pages")
            found = pipe.execute(raise_on_error=False)
        sets = {id: records.parse_pages(text) for id, text in zip(ids, found, strict=True) if isinstance(text, bytes)}
        return {id: pages.ids(id) for id, pages in sets.items() if pages}

    def forget(self, id: str) -> None:
        """Delete what is kept of a document besides the records of its task and its pages."""
        keys = self._keys
        with self._redis.pipeline(transaction=False) as pipe:
            pipe.delete(keys.document(id), keys.open_pages(id))
            pipe.zrem(keys.documents, id)
            pipe.execute()

    def _field(self, id: str, name: str) -> str:
        return (cast(bytes | None, self._redis.hget(self._keys.document(id), name)) or b"").decode()


def _result(text: Any) -> Mapping[str, Any] | OcrError:
    """The result in Celery's record of a final page, or its error."""
    try:
        meta = records.parse_meta(text)
    except (TypeError, ValueError):
        return ResultExpired()
    if meta["status"] == "SUCCESS":
        return cast(dict[str, Any], meta["result"])
    return records.stored_error(meta)
