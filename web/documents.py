"""The calls about the pages of a document: a list without texts, and one page as soon as it is done."""

from typing import Any

from flask import Response, jsonify
from flask_openapi.blueprint import APIBlueprint

from ocr_celery.core.status import TaskView
from ocr_celery.document_view import PageView
from ocr_celery.errors import (
    BadPageRange,
    BadRequest,
    BrokerUnavailable,
    NotADocument,
    ResultExpired,
    TaskNotFound,
)
from web import waiting
from web.document_models import DocumentPages
from web.openapi import openapi_responses
from web.request_models import PagePath, PagesQuery, ResultQuery, TaskPath
from web.request_parsing import client, validated
from web.response_models import Page
from web.results import ID, TAGS, not_found, render_task

api = APIBlueprint("documents", __name__)
_ERRORS = (TaskNotFound, BadRequest, BrokerUnavailable, NotADocument, ResultExpired)
_SHOWN = ("verdict", "doubtful_share", "width", "height", "seconds", "source")


@api.get(
    f"/ocr/{ID}/pages",
    operation_id="getPages",
    tags=TAGS,
    responses=openapi_responses(DocumentPages, BadPageRange, *_ERRORS),
)
@validated
def get_pages(path: TaskPath, query: PagesQuery) -> Response:
    """List the pages of a document, without their texts, from the moment it was opened."""
    try:
        found = client().look_up_pages(path.task_id, page_range=query.page_range, after=query.after, limit=query.limit)
    except TaskNotFound as exc:
        raise not_found(path.task_id, exc) from None
    more = {} if found.next_after is None else {"next_after": found.next_after}
    document = found.document
    return jsonify(task_id=document.id, status=document.status, pages=[_render(page) for page in found.pages], **more)


@api.get(
    f"/ocr/{ID}/pages/<int(min=1):page>",
    operation_id="getPage",
    tags=TAGS,
    responses=openapi_responses(Page, *_ERRORS),
)
@validated
def get_page(path: PagePath, query: ResultQuery) -> Response:
    """Get one page of a document as an image's task is got, as soon as this page is done."""
    try:
        view = waiting.task_view(client().look_up_page(path.task_id, path.page).id, query.wait)
    except TaskNotFound as exc:
        raise not_found(path.task_id, exc) from None
    return jsonify(page=path.page, **render_task(view, query))


def _render(page: PageView) -> dict[str, Any]:
    task: TaskView = page.task
    shown: dict[str, Any] = {"page": page.number, "task_id": task.id, "status": task.status}
    if task.error is not None:
        return {**shown, "code": task.error.code, "error": task.error.message}
    result = task.result or {}
    return {**shown, **{name: result[name] for name in _SHOWN if name in result}}
