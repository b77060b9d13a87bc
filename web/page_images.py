"""The call that returns the picture of a page, as it was seen, or with what was found drawn in."""

from typing import Any

from flask import Response
from flask_openapi.blueprint import APIBlueprint

from ocr_celery.core.export_request import page_image
from ocr_celery.core.status import Status, TaskView
from ocr_celery.errors import (
    BadRequest,
    BrokerUnavailable,
    FormatNotAvailable,
    NoExporter,
    QueueFull,
    ResultExpired,
    StoreUnavailable,
    TaskNotFound,
)
from web.file_names import content_disposition, result_name
from web.openapi import openapi_responses
from web.problems import TaskFailed
from web.request_models import PageImageQuery, PagePath
from web.request_parsing import client, validated
from web.response_models import Task
from web.result_answers import without_result
from web.result_exports import send_export
from web.results import ID, TAGS, not_found

api = APIBlueprint("page_images", __name__)
_ERRORS = (
    *(TaskNotFound, BadRequest, BrokerUnavailable, ResultExpired, TaskFailed),
    *(FormatNotAvailable, NoExporter, QueueFull, StoreUnavailable),
)
_PICTURE: dict[str, Any] = {
    "description": "The picture of the page.",
    "content": {"image/jpeg": {}},
    "headers": {
        "Content-Disposition": {"description": "A name to save it under.", "schema": {"type": "string"}},
    },
}


@api.get(
    f"/ocr/{ID}/pages/<int(min=1):page>/image",
    operation_id="getPageImage",
    tags=TAGS,
    responses=openapi_responses(_PICTURE, *_ERRORS, accepted=Task),
)
@validated
def get_page_image(path: PagePath, query: PageImageQuery) -> Response:
    """Get the picture of a page of a document as soon as this page is read; of an image, which has page 1, of all of it."""
    try:
        view, page = _look_up(path)
    except TaskNotFound as exc:
        raise not_found(path.task_id, exc) from None
    if page.status is not Status.COMPLETED and (view.document is None or not page.status.final):
        return without_result(page)
    response = send_export(view, page_image(view.id, path.page, annotated=query.annotated), wait=query.wait)
    if response.status_code == 200:
        name = result_name(view.source, f".page-{path.page}.jpg")
        response.headers["Content-Disposition"] = content_disposition(name)
    return response


def _look_up(path: PagePath) -> tuple[TaskView, TaskView]:
    """The task, and the page that is asked for; of an image the same. Raises `TaskNotFound`."""
    view = client().look_up_outline(path.task_id)
    if view.document is not None:
        return view, client().look_up_page(path.task_id, path.page)
    own = (view.result or {}).get("page", 1)
    if path.page not in (1, own):
        raise TaskNotFound(f"The task has no page {path.page}; it reads page {own} only")
    return view, view
