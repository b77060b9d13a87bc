"""The calls that return the state and the text of pages and batches."""

import re
from collections.abc import Mapping
from typing import Any

import structlog
from flask import Response, jsonify
from flask_openapi.blueprint import APIBlueprint

from ocr_celery.core.document import page_texts
from ocr_celery.core.markdown import to_markdown
from ocr_celery.core.status import BatchView, Status, TaskView, batch_status
from ocr_celery.errors import BadRequest, BrokerUnavailable, OcrError, ResultExpired, ResultUnreadable, TaskNotFound
from ocr_celery.task_results import TEXT_LAYER
from web import waiting
from web.openapi import openapi_responses
from web.request_models import BatchPath, ResultForm, ResultQuery, TaskPath, TaskQuery
from web.request_parsing import client, validated
from web.response_models import Batch, Task

log = structlog.get_logger("web")
_UNASKED = ("pages", "failed_pages", "partial", "text_layer_pages")  #: shown also without details
_OF_PAGE = ("text", "lines")  #: not among the details of a page
_OF_DOCUMENT = ("text", "spans", *_UNASKED)
api = APIBlueprint("results", __name__)
TAGS: Any = [{"name": "Results", "description": "Get the status of pages and their text."}]
ERRORS = (TaskNotFound, BadRequest, BrokerUnavailable)

#: GET /ocr/url is a wrong method, not an unknown task
ID = "<regex('(?!url$)[^/]+'):task_id>"


@api.get(f"/ocr/{ID}", operation_id="getTask", tags=TAGS, responses=openapi_responses(Task, ResultExpired, *ERRORS))
@validated
def get_task(path: TaskPath, query: TaskQuery) -> Response:
    """Get the status of a page, and its text once it is completed; with `wait`, as soon as it is completed or failed."""
    try:
        # the details of a document lie beside its text
        whole = query.text or query.details
        view = waiting.task_view(path.task_id, query.wait) if whole else _without_text(path.task_id, query.wait)
    except TaskNotFound as exc:
        raise not_found(path.task_id, exc) from None
    rendered = render_task(view, query)
    if not query.text:
        rendered.pop("result", None)
    return jsonify(rendered)


def _without_text(task_id: str, seconds: float) -> TaskView:
    """The task as `waiting.task_view` finds it, but the text of a document that was read is not fetched."""
    if seconds:
        waiting.task_view(task_id, seconds)
    return client().look_up_outline(task_id)


@api.get(
    "/ocr/batch/<batch_task_id>",
    operation_id="getBatch",
    tags=TAGS,
    responses=openapi_responses(Batch, ResultUnreadable, *ERRORS),
)
@validated
def get_batch(path: BatchPath, query: ResultQuery) -> Response:
    """Get the status of a batch: counts, and its pages in the order in which their URLs were given.

    With `wait`, as soon as all are completed or failed.
    """
    try:
        view = waiting.batch_view(path.batch_task_id, query.wait)
    except TaskNotFound as exc:
        raise not_found(path.batch_task_id, exc) from None
    return jsonify(render_batch(view, query))


def render_task(view: TaskView, query: ResultForm) -> dict[str, Any]:
    """The answer about a page or a document."""
    rendered = {"task_id": view.id, **_render_page(view, query, [])}
    if view.source:
        rendered["source"] = view.source
    times = {"created_at": view.created_at, "updated_at": view.updated_at}
    return {**rendered, **_progress(view), **_render_document(view), **times}


def _render_document(view: TaskView) -> dict[str, Any]:
    """How many pages of a document stand where; nothing for an image."""
    document = view.document
    if document is None:
        return {}
    rendered: dict[str, Any] = {
        "expires_at": view.updated_at + client().facts.task_ttl if view.status.final else None,
        "pages": document.as_dict(),
        "failed_pages": [page.as_dict() for page in document.failed],
    }
    return {**rendered, "partial": True} if view.status is Status.COMPLETED and document.is_partial else rendered


def render_batch(view: BatchView, query: ResultForm) -> dict[str, Any]:
    """The answer about a batch."""
    unreadable: list[str] = []
    results = [
        {"url": url, "task_id": task.id, **_render_page(task, query, unreadable), **_progress(task)}
        for url, task in view.items
    ]
    statuses = [item["status"] for item in results]
    return {
        "batch_task_id": view.id,
        "status": batch_status(statuses),
        "total": len(results),
        **{status: statuses.count(status) for status in Status},
        "results": results,
        "created_at": view.created_at,
        "updated_at": view.updated_at,
    }


def _render_page(view: TaskView, query: ResultForm, unreadable: list[str]) -> dict[str, Any]:
    """Status, and text or error, of a page. A bug while rendering it fails this page only; the first of a request is logged."""
    try:
        return {"status": view.status, **_render_result(view, query)}
    except Exception:
        if not unreadable:
            log.warning("result_unreadable", task_id=view.id, exc_info=True)
        unreadable.append(view.id)
        return {"status": Status.FAILED, **_render_error(ResultUnreadable())}


def _render_result(view: TaskView, query: ResultForm) -> dict[str, Any]:
    if view.error is not None:
        return _render_error(view.error)
    if view.result is None:
        return {}
    rendered: dict[str, Any] = {"result": _text(view.result, query.format)}
    left_out = _OF_DOCUMENT if "spans" in view.result else _OF_PAGE
    if query.details:
        rendered["details"] = {name: value for name, value in view.result.items() if name not in left_out}
    if not query.details or "spans" in view.result:  # text is missing, or it has several pages
        rendered |= {name: view.result[name] for name in _UNASKED if view.result.get(name)}
    if view.result.get("source") == TEXT_LAYER:
        rendered["text_layer"] = True
    if view.result.get("fonts_missing"):
        rendered["fonts_missing"] = True
    return rendered


def _text(result: Mapping[str, Any], form: str) -> str:
    """The text as it is asked for; the pages of a document are converted one by one, what stands between them is ours."""
    if form == "raw":
        return str(result["text"])
    if "spans" not in result:
        return to_markdown(result["text"])
    return "".join(before + to_markdown(text) for before, text in page_texts(result))


def _render_error(error: OcrError) -> dict[str, Any]:
    return {"error": error.message, "code": error.code}


def _progress(view: TaskView) -> dict[str, Any]:
    """Attempts, last error, next attempt and position in the queue, as far as each is known."""
    progress: dict[str, Any] = {"attempts": view.attempts}
    if view.last_error is not None:
        progress["last_error"] = _render_error(view.last_error)
    if view.next_try_at is not None:
        progress["next_try_at"] = view.next_try_at
    if view.position is not None:
        progress["position"] = view.position
    return progress


def not_found(task_id: str, error: TaskNotFound) -> TaskNotFound:
    """The error with the caller's id, without characters that no id of this service has."""
    printable = re.sub(r"[^-\w]", "", task_id, flags=re.ASCII)[:64]
    return error if printable == task_id else TaskNotFound(f"Task {printable} not found")
