"""Parses the records of tasks in Redis, damaged ones too: a damaged record affects only its own task.

A key may contain anything: another program wrote to it, an administrator mistyped, half of it was restored.
"""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ocr_celery.core.document import PageSet
from ocr_celery.core.status import FORGOTTEN, STATUS_BY_CELERY_STATE, Status
from ocr_celery.errors import Cancelled, OcrError, public_error

#: of a task's hash, in the order in which `read` takes their values
FIELDS = ("created_at", "updated_at", "state", "source", "attempts", "last_error", "next_try_at", "pages")
_DEEPEST = (
    20  #: lists and objects within each other; ours are three deep, and what is deeper cannot be answered as JSON
)


@dataclass(frozen=True, slots=True)
class Progress:
    """The progress of a task."""

    source: str = ""  #: a file's name, or a URL without its secret parts; "" where it is not known
    attempts: int = 0  #: tries that have ended
    last_error: tuple[str, str] | None = (
        None  #: class and sentence of what the last try that was to be repeated ended with
    )
    next_try_at: float | None = None  #: Unix seconds, while it waits for its next try
    position: int | None = None  #: tasks that were sent earlier and wait too, while it waits in the queue
    pages: PageSet | None = None  #: of a document of several pages, once it was opened


@dataclass(frozen=True, slots=True)
class Record:
    """What is known of one task: times in Unix seconds, Celery's state, and Celery's own record if it is still there."""

    id: str
    created_at: float
    updated_at: float
    state: str
    meta: dict[str, Any] | None
    progress: Progress = field(default_factory=Progress)
    damaged: str = ""  #: why the record cannot be read; all other fields are defaults then


def parse_record(id: str, fields: Any, meta: Any, rank: Any = None) -> Record | None:
    """The record of a task, None where there is none, or only a tombstone.

    `fields`: the values of `FIELDS`, `meta`: Celery's record, `rank`: the task's place among those that wait. Each as Redis
    answered, or the error that it answered.
    """
    if isinstance(fields, list) and all(value is None for value in fields[:3]):
        return None
    try:
        state = fields[2].decode()
        if state == FORGOTTEN:
            return None
        created, updated = _finite_time(fields[0]), _finite_time(fields[1])
        if state not in STATUS_BY_CELERY_STATE:
            raise ValueError(f"the state {state[:40]!r} is none of Celery's")
        found = None if meta is None else parse_meta(meta)
        return Record(id, created, updated, state, found, _progress(state, fields, rank))
    except Exception as exc:  # the key may contain anything
        return Record(id, 0.0, 0.0, "FAILURE", None, damaged=_why(fields, meta, exc))


def parse_meta(text: Any) -> dict[str, Any]:
    """Celery's record of a task. Raises `ValueError` or `TypeError` if it is not one, or not one that a page can end with."""
    if not isinstance(text, bytes):
        raise TypeError("its key has another type in Redis")
    try:
        meta = json.loads(text, parse_constant=_reject_constant)
    except RecursionError:
        raise ValueError("it is too deep") from None
    if not isinstance(meta, dict) or not isinstance(meta.get("status"), str):
        raise TypeError("it is no record of Celery's")
    if _depth_exceeds(meta, _DEEPEST):
        raise ValueError("it is too deep")
    status, result = STATUS_BY_CELERY_STATE.get(meta["status"], Status.PENDING), meta.get("result")
    if status is Status.COMPLETED and not (isinstance(result, dict) and isinstance(result.get("text"), str)):
        raise TypeError("its result is not that of a page")
    if status is Status.FAILED and not isinstance(result, dict | None):
        raise TypeError("its error is malformed")
    return meta


def stored_error(meta: dict[str, Any]) -> OcrError:
    """The error in Celery's record of a task that is final and did not succeed."""
    if meta.get("status") != "FAILURE":
        return Cancelled()
    stored = meta.get("result") or {}
    text = stored.get("exc_message")
    return public_error(str(stored.get("exc_type")), str(text[0] if isinstance(text, list) and text else text or ""))


def parse_batch(text: Any) -> tuple[float, list[str], list[Any]]:
    """When a batch was created, its task ids, and the URLs as they were given. Raises `ValueError` if the text is not a batch."""
    try:
        batch = json.loads(text)
        created, ids, urls = _finite_time(batch["created_at"]), batch["ids"], json.loads(batch["urls"])
        if not isinstance(ids, list) or not isinstance(urls, list):
            raise TypeError("its ids or its URLs are no list")
        if len(urls) != len(ids):
            raise ValueError(f"it has {len(ids)} ids and {len(urls)} URLs")
        if not all(isinstance(id, str) for id in ids):
            raise TypeError("an id is not a string")
    except Exception as exc:
        raise ValueError(f"it is no record of a batch: {exc!r:.200}") from None
    return created, ids, urls


def _finite_time(value: Any) -> float:
    found = float(value)
    if not math.isfinite(found):
        raise ValueError("a time is not a number")
    return found


def _reject_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _depth_exceeds(value: Any, most: int) -> bool:
    level = [value]
    for _ in range(most):
        level = [inner for outer in level for inner in _within(outer) if isinstance(inner, dict | list)]
    return bool(level)


def _within(outer: Any) -> Iterator[Any]:
    yield from outer.values() if isinstance(outer, dict) else outer


def _progress(state: str, fields: list[Any], rank: Any) -> Progress:
    """Additional fields; one that cannot be read is left out."""
    source, attempts, error, due, pages = (value if isinstance(value, bytes) else b"" for value in fields[3:8])
    return Progress(
        source=source.decode(errors="replace"),
        attempts=int(attempts) if attempts.isdigit() and len(attempts) < 10 else 0,
        last_error=_pair(error),
        next_try_at=_due(due) if state == "RETRY" else None,
        position=rank if state == "PENDING" and isinstance(rank, int) else None,
        pages=parse_pages(pages),
    )


def parse_pages(text: Any) -> PageSet | None:
    """Which pages a document has, by a field of its record; None for anything else."""
    try:
        return PageSet.from_json(text) if text else None
    except (ValueError, TypeError, RecursionError):
        return None


def _pair(text: bytes) -> tuple[str, str] | None:
    try:
        kind, sentence = json.loads(text or b"null")
    except Exception:
        return None
    return str(kind), str(sentence)


def _due(text: bytes) -> float | None:
    try:
        return _finite_time(text)
    except ValueError:
        return None


def _why(fields: Any, meta: Any, exc: Exception) -> str:
    """For the log: what Redis says, or what is wrong; no text of a page."""
    answered = next((said for said in (fields, meta) if isinstance(said, Exception)), exc)
    return f"{type(answered).__name__}: {answered}"[:200]
