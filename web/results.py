"""Where callers ask how their pages stand, and fetch what was read."""

import re
from typing import Any

from flask import Response, jsonify
from flask_openapi.blueprint import APIBlueprint

from ocr_celery.core.markdown import to_markdown
from ocr_celery.core.status import Status, TaskView
from ocr_celery.errors import BadRequest, BrokerUnavailable, ResultExpired, TaskNotFound
from web.document import answers
from web.incoming import checked, client
from web.schemas import Batch, BatchPath, Shape, Task, TaskPath

api = APIBlueprint("results", __name__)
_TAGS: Any = [{"name": "Results", "description": "See how pages stand, and fetch their text."}]
_ERRORS = (TaskNotFound, BadRequest, BrokerUnavailable)

# "url" below /ocr is a place to send to: asking there is a wrong method, not an unknown task
_ID = "<regex('(?!url$)[^/]+'):task_id>"


@api.get(f"/ocr/{_ID}", operation_id="getTask", tags=_TAGS, responses=answers(Task, ResultExpired, *_ERRORS))
@checked
def task(path: TaskPath, query: Shape) -> Response:
    """How a page stands, and its text when it is completed."""
    try:
        view = client().look_up(path.task_id)
    except TaskNotFound as exc:
        raise _not_found(path.task_id, exc) from None
    return jsonify(
        task_id=view.id,
        status=view.status,
        created_at=view.created_at,
        updated_at=view.updated_at,
        **_outcome(view, query),
    )


@api.get("/ocr/batch/<batch_task_id>", operation_id="getBatch", tags=_TAGS, responses=answers(Batch, *_ERRORS))
@checked
def batch(path: BatchPath, query: Shape) -> Response:
    """How a batch stands: counts, and each page in the order in which its URL was given."""
    try:
        view = client().look_up_batch(path.batch_task_id)
    except TaskNotFound as exc:
        raise _not_found(path.batch_task_id, exc) from None
    counts = view.counts
    return jsonify(
        batch_task_id=view.id,
        status=view.status,
        total=len(view.items),
        completed=counts[Status.COMPLETED],
        failed=counts[Status.FAILED],
        pending=counts[Status.PENDING],
        processing=counts[Status.PROCESSING],
        results=[
            {"url": url, "task_id": task.id, "status": task.status, **_outcome(task, query)} for url, task in view.items
        ],
        created_at=view.created_at,
        updated_at=view.updated_at,
    )


def _outcome(view: TaskView, shape: Shape) -> dict[str, Any]:
    if view.error is not None:
        return {"error": view.error.message, "code": view.error.code}
    if view.result is None:
        return {}
    details = {name: value for name, value in view.result.items() if name != "text"}
    text = str(view.result.get("text", ""))
    outcome: dict[str, Any] = {"result": text if shape.format == "raw" else to_markdown(text)}
    if shape.details:
        outcome["details"] = details
    elif "pages" in details:  # whoever does not ask must know all the same that there is more to read
        outcome["pages"] = details["pages"]
    return outcome


def _not_found(id: str, error: TaskNotFound) -> TaskNotFound:
    """An id is the caller's text: what no id of ours can hold is not shown."""
    shown = re.sub(r"[^-\w]", "", id, flags=re.ASCII)[:64]
    return error if shown == id else TaskNotFound(f"Task {shown} not found")
