"""What our results hold, and Celery's records of tasks that end without a worker: the one place that knows their JSON keys."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ocr_celery.core import verdict
from ocr_celery.core.placed_line import as_json
from ocr_celery.core.reading import Reading
from ocr_celery.errors import OcrError

if TYPE_CHECKING:
    from ocr_celery.core.page import Page

TEXT_LAYER = "text_layer"  #: the `source` of a text that the file itself has for the page


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
    if reading.lines:
        across, down = page.width / page.image.width, page.height / page.image.height
        result["lines"] = as_json(line.scaled(across, down) for line in reading.lines)
    if reading.doubtful_share is not None:
        result["doubtful_share"] = round(reading.doubtful_share, 3)
    if reading.max_tokens:
        result["max_tokens"] = reading.max_tokens
    result |= _about(page)
    if page.pages > 1:
        result["pages"] = {"in_file": page.pages, "read": 1}
    return result


def text_layer_result(
    text: str, page: "Page", *, waited: float, prepared: float, read: float, why: OcrError | None
) -> dict[str, Any]:
    """The result of a page whose text is the one that its file has. `why`: the error that it stands in for."""
    result: dict[str, Any] = {
        "text": text,
        "source": TEXT_LAYER,
        "finish_reason": "stop",
        "verdict": verdict.judge(Reading(text=text)).value,
        **dict.fromkeys(("readings", "prompt_tokens", "output_tokens"), 0),
        **{"width": page.width, "height": page.height, "engine": "", "model": ""},
        "seconds": {"waited": round(waited, 3), "prepared": round(prepared, 3), "read": round(read, 3)},
    }
    result |= _about(page)
    if why is not None:
        result["failed_reading"] = {"code": why.code, "error": why.message}
    return result


def _about(page: "Page") -> dict[str, Any]:
    """What is said of a page only where it is out of the ordinary."""
    number = {"page": page.number} if page.number > 1 else {}
    return {**number, **({"fonts_missing": True} if page.fonts_missing else {})}


def failed_part(task_id: str, state: str, error: OcrError) -> dict[str, Any]:
    """What a chord's body is handed in place of the result of a page that failed."""
    return {"task_id": task_id, "error": {"code": error.code, "message": error.message, "state": state}}


def failed_record(task_id: str, error: OcrError, now: float) -> str:
    """Celery's record of a page that failed without a worker. `now`: Unix seconds."""
    return _final_record(task_id, "FAILURE", error.as_result(), now)


def revoked_record(task_id: str, now: float) -> str:
    """Celery's record of a task that was cancelled without a worker. `now`: Unix seconds."""
    reason = {"exc_type": "TaskRevokedError", "exc_message": ["cancelled"], "exc_module": "celery.exceptions"}
    return _final_record(task_id, "REVOKED", reason, now)


def completed_record(task_id: str, result: Mapping[str, Any], now: float) -> str:
    """Celery's record of a task that was completed without a worker. `now`: Unix seconds."""
    return _final_record(task_id, "SUCCESS", result, now)


def _final_record(task_id: str, state: str, result: Mapping[str, Any], now: float) -> str:
    done = datetime.fromtimestamp(now, UTC).replace(tzinfo=None).isoformat()
    record: dict[str, Any] = {"status": state, "result": result, "traceback": None, "children": [], "date_done": done}
    return json.dumps({**record, "task_id": task_id})


def batch_summary(parts: Any, refused: Sequence[tuple[int, Any]] = ()) -> dict[str, Any]:
    """The result of `ocr.collect`: every part of a chord's header, in order, and how many of them failed.

    Anything but a list is one part, as where `ocr.collect` follows a single page. `refused`: parts of pages that were
    never sent, each with its index among all.
    """
    found = list(parts) if isinstance(parts, list | tuple) else [parts]
    for index, part in sorted(refused, key=lambda one: one[0]):
        found.insert(index, part)
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
