"""What our messages and results hold: the one place that knows their JSON keys.

A Job travels as the arguments of a task: ``ocr.image(image, **options)`` with raw bytes or a reference, or
``ocr.url(url, **options)``. A sender that uses the name may leave any option out.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ocr_celery.core import verdict
from ocr_celery.core.file_reference import is_reference
from ocr_celery.core.options import NAMES, Options
from ocr_celery.core.reading import Reading
from ocr_celery.errors import BadOption, OcrError

if TYPE_CHECKING:
    from ocr_celery.core.page import Page

IMAGE, URL, COLLECT = "ocr.image", "ocr.url", "ocr.collect"
PAGE_TASKS = frozenset({IMAGE, URL})
ACCEPT_PARTIAL = "accept_partial"  #: what a chord's body says that is to run although pages failed
_ARGUMENT = {IMAGE: "image", URL: "url"}


@dataclass(frozen=True, slots=True)
class Job:
    """One page to read: where it comes from and how to read it."""

    task: str  #: IMAGE or URL
    source: Any  #: bytes or a blob reference for IMAGE; for URL whatever the caller gave, checked when it is fetched
    options: Options

    def redacted(self) -> str:
        """The source as logs and Flower show it: short, no image bytes, no query string (it may be a signature)."""
        return redacted(self.task, self.source)


def read_job(task: str, args: Sequence[Any], kwargs: Mapping[str, Any], defaults: Options) -> Job:
    """The job in a task's arguments. Raises `BadOption` for arguments that are not of the form above."""
    given = dict(kwargs)
    name = _ARGUMENT[task]
    if len(args) > 1 or (args and name in given) or (not args and name not in given):
        raise BadOption(f"{task} takes one argument, {name}, and the options {', '.join(sorted(NAMES))} as keywords.")
    source = args[0] if args else given.pop(name)
    return Job(task, source, defaults.updated(given))


def url(task: str, args: Any, kwargs: Any) -> str:
    """The URL that a page is fetched from; "" for an image, and where the URL is not a string."""
    positional = args if isinstance(args, list | tuple) else ()
    named = kwargs if isinstance(kwargs, Mapping) else {}
    source = positional[0] if positional else named.get(_ARGUMENT[task])
    return source if task == URL and isinstance(source, str) else ""


def source_host(url: str) -> str:
    """Where it leads, "" for no proper URL."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def recorded_source(task: str, args: Any, kwargs: Any) -> str:
    """What the record of a task says of where its page comes from; "" for an image, whose name only its sender knows."""
    positional = args if isinstance(args, list | tuple) else ()
    named = kwargs if isinstance(kwargs, Mapping) else {}
    source = positional[0] if positional else named.get(_ARGUMENT[task])
    return redacted(task, source) if task == URL else ""


def redacted(task: str, source: Any) -> str:
    """A short text for the source of a job, safe to log."""
    if isinstance(source, bytes | bytearray | memoryview):
        return f"<{len(source)} bytes>"
    if not isinstance(source, str):
        return f"<{type(source).__name__}>"
    return source[:60] if task == IMAGE and is_reference(source) else redact_url(source)


def redacted_source(task: str, args: Any, kwargs: Any, name: Any) -> str:
    """Where the page of any message comes from, as the log shows it. `name`: what the sender calls the file, if anything.

    The name is preferred to a reference to stored bytes, which means nothing to a reader.
    """
    positional = args if isinstance(args, list | tuple) else ()
    named = kwargs if isinstance(kwargs, Mapping) else {}
    source = positional[0] if positional else named.get(_ARGUMENT[task])
    if task == IMAGE and isinstance(name, str) and name:
        return name[:120].encode(errors="backslashreplace").decode()
    if task == IMAGE and is_reference(source):
        return "<stored image>"
    return redacted(task, source)


def redacted_args(task: str, args: Any, kwargs: Any, given: str) -> str:
    """The arguments of any message for a page task, however it is made, as events and Flower show them.

    `given`: the text that the sender wants shown; used for a stored image only, where it may be the name of a file.
    """
    positional = args if isinstance(args, list | tuple) else ()
    named = kwargs if isinstance(kwargs, Mapping) else {}
    source = positional[0] if positional else named.get(_ARGUMENT[task])
    text = redacted(task, source)
    return given[:120] if is_reference(text) and given else f"({text})"


def redact_url(url: str) -> str:
    """A URL without user, query and fragment, at most 120 characters."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "<malformed URL>"
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return "<malformed URL>"
    return plain(f"{parts.scheme}://{parts.hostname}{port}{parts.path}")


def plain(text: str) -> str:
    """At most 120 characters of a text that is to be shown.

    JSON may contain half of a surrogate pair, which is not valid Unicode: Redis and Lua could not read a record with it.
    """
    text = text[:121].encode(errors="backslashreplace").decode()
    return text if len(text) <= 120 else text[:119] + "…"


def result_dict(
    readings: Sequence[Reading], page: "Page", *, engine: str, model: str, waited: float, prepared: float, read: float
) -> dict[str, Any]:
    """The result of a page task, with the best of its readings.

    `waited`, `prepared`, `read`: seconds in the queue, in preparation, in the engine.
    """
    reading = verdict.best(readings)
    result: dict[str, Any] = {
        "text": reading.text,
        "finish_reason": reading.finish_reason,
        "verdict": verdict.judge(reading).value,
        "readings": len(readings),
        "prompt_tokens": reading.prompt_tokens,
        "output_tokens": reading.output_tokens,
        "width": page.width,
        "height": page.height,
        "engine": engine,
        "model": model,
        "seconds": {"waited": round(waited, 3), "prepared": round(prepared, 3), "read": round(read, 3)},
    }
    if reading.max_tokens:
        result["max_tokens"] = reading.max_tokens
    if page.pages > 1:
        result["pages"] = {"in_file": page.pages, "read": 1}
    return result


def failed_part(task_id: str, state: str, error: OcrError) -> dict[str, Any]:
    """What a chord's body is handed in place of the result of a page that failed."""
    return {"task_id": task_id, "error": {"code": error.code, "message": error.message, "state": state}}


def failed_record(task_id: str, error: OcrError, now: float) -> str:
    """Celery's record of a page that failed without a worker. `now`: Unix seconds."""
    done = datetime.fromtimestamp(now, UTC).replace(tzinfo=None).isoformat()
    record: dict[str, Any] = {
        "status": "FAILURE",
        "result": error.as_result(),
        "traceback": None,
        "children": [],
        "date_done": done,
    }
    return json.dumps({**record, "task_id": task_id})


def batch_summary(parts: Any, refused: Sequence[tuple[int, Any]] = ()) -> dict[str, Any]:
    """The result of `ocr.collect`: every part of a chord's header, in order, and how many of them failed.

    Anything but a list is one part, as where `ocr.collect` follows a single page. `refused`: parts of pages that were
    never sent, each with its place among all.
    """
    found = list(parts) if isinstance(parts, list | tuple) else [parts]
    for place, part in sorted(refused, key=lambda one: one[0]):
        found.insert(place, part)
    items = [_item(part) for part in found]
    completed = sum(item["status"] == "completed" for item in items)
    return {"total": len(items), "completed": completed, "failed": len(items) - completed, "outcomes": items}


def _item(part: Any) -> dict[str, Any]:
    if isinstance(part, Mapping) and isinstance(part.get("error"), Mapping):
        error = part["error"]
        return {
            "status": "failed",
            "code": error.get("code"),
            "error": error.get("message"),
            "task_id": part.get("task_id"),
        }
    return {"status": "completed", "result": part}
