"""Answers with files that an exporter makes of results: what is made is sent, else it is asked for, and waited for if wished."""

import time

from flask import Response, jsonify, request

from ocr_celery.core.export_formats import EXPORT_FORMATS
from ocr_celery.core.export_request import ExportRequest
from ocr_celery.core.export_status import FAILED_KEEP
from ocr_celery.core.status import Status, TaskView
from ocr_celery.errors import BadRequest, FormatNotAvailable, Internal, OcrError, TaskNotFound
from web import waiting
from web.file_names import content_disposition, result_name
from web.problems import TaskFailed, error_response
from web.request_parsing import client
from web.result_answers import RETRY_AFTER, sent, without_result
from web.results import not_found


def get_export(task_id: str, format: str, *, page: int | None, wait: float) -> Response:
    """The whole result in one of these formats. `wait`: seconds, until the task is final and the file is made."""
    if page is not None:
        raise BadRequest(f"page: {format} is of all pages; ask for another format, or for /pages/{page}/image.")
    end = time.monotonic() + wait
    view = _waited_outline(task_id, wait)
    if view.status is not Status.COMPLETED:
        return without_result(view)
    name = result_name(view.source, EXPORT_FORMATS[format].suffix)
    response = send_export(view, ExportRequest(view.id, format), wait=max(0.0, end - time.monotonic()))
    if response.status_code == 200:
        response.headers["Content-Disposition"] = content_disposition(name, "attachment")
    return response


def _waited_outline(task_id: str, wait: float) -> TaskView:
    try:
        view = client().look_up_outline(task_id)
        if wait and not view.status.final:
            waiting.task_view(task_id, wait)
            view = client().look_up_outline(task_id)
    except TaskNotFound as exc:
        raise not_found(task_id, exc) from None
    return view


def send_export(view: TaskView, export: ExportRequest, *, wait: float) -> Response:
    """The file of an export, if it is made within `wait` seconds; else 202, or why it failed. Raises like `request_export`."""
    found = waiting.export_status(export, wait)
    if found.error is not None:
        return _failed(found.error)
    file = client().export_file(export) if found.status is Status.COMPLETED else None
    if file is None:  # or it is gone, and made again
        return _not_ready(view, waiting.export_status(export, 0).status)
    size, pieces = file
    response = Response(sent(pieces, view.id), content_type=EXPORT_FORMATS[export.format].media_type)
    response.content_length = size
    return response


def _failed(error: OcrError) -> Response:
    """409 where another attempt would fail too; an error that may pass keeps its own status, with Retry-After."""
    response = error_response(error)
    if error.retryable or isinstance(error, Internal):
        response.headers["Retry-After"] = str(int(FAILED_KEEP))
    elif not isinstance(error, FormatNotAvailable):
        response.status_code = TaskFailed.http_status
    return response


def _not_ready(view: TaskView, status: Status) -> Response:
    """`status`: of the export."""
    shown = Status.PENDING if status is Status.PENDING else Status.PROCESSING
    times = {"created_at": view.created_at, "updated_at": view.updated_at}
    response = jsonify(task_id=view.id, status=shown, attempts=view.attempts, **times)
    response.status_code = 202
    response.headers["Location"] = f"{request.root_path}/ocr/{view.id}"
    response.headers["Retry-After"] = str(RETRY_AFTER)
    return response
