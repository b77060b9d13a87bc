"""The calls that cancel tasks and batches, and that forget them. They need no worker, and wait for none.

They belong to the blueprint of `web/results.py`: flask-openapi documents only one blueprint's methods of a path.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import Response, jsonify

from ocr_celery.errors import OcrError, ResultExpired, ResultUnreadable, TaskNotFound
from web import results
from web.openapi import openapi_responses
from web.problems import CrossSite
from web.request_models import BatchPath, ResultForm, TaskPath
from web.request_parsing import client, validated
from web.response_models import Batch, Task
from web.results import ERRORS, ID, not_found, render_batch, render_task

api = results.api
_ERRORS = (CrossSite, *ERRORS)
_TAGS: Any = [{"name": "Cancel", "description": "Cancel tasks, and forget them."}]


def _forget_responses(*errors: type[OcrError]) -> Any:
    """The responses of a call that forgets, for the OpenAPI document."""
    documented = openapi_responses({}, *errors)
    del documented[200]
    return {204: {"description": "It is forgotten."}, **documented}


@contextmanager
def _known(id: str) -> Iterator[None]:
    try:
        yield
    except TaskNotFound as exc:
        raise not_found(id, exc) from None


@api.post(
    f"/ocr/{ID}/cancel",
    operation_id="cancelTask",
    tags=_TAGS,
    responses=openapi_responses(Task, ResultExpired, *_ERRORS),
)
@validated
def cancel_task(path: TaskPath, query: ResultForm) -> Response:
    """Cancel a page or document that is not finished, and get its status.

    It fails with `cancelled` at once, wherever it is; what is finished stays as it is, the pages of a document too.
    """
    with _known(path.task_id):
        return jsonify(render_task(client().cancel(path.task_id), query))


@api.post(
    "/ocr/batch/<batch_task_id>/cancel",
    operation_id="cancelBatch",
    tags=_TAGS,
    responses=openapi_responses(Batch, ResultUnreadable, *_ERRORS),
)
@validated
def cancel_batch(path: BatchPath, query: ResultForm) -> Response:
    """Cancel what is not finished of a batch, and get its status."""
    with _known(path.batch_task_id):
        return jsonify(render_batch(client().cancel_batch(path.batch_task_id), query))


@api.delete(f"/ocr/{ID}", operation_id="forgetTask", tags=_TAGS, responses=_forget_responses(*_ERRORS))
@validated
def forget_task(path: TaskPath) -> Response:
    """Cancel a page or document, and forget its record, its result and its file."""
    with _known(path.task_id):
        client().forget(path.task_id)
    return Response(status=204)


@api.delete(
    "/ocr/batch/<batch_task_id>",
    operation_id="forgetBatch",
    tags=_TAGS,
    responses=_forget_responses(ResultUnreadable, *_ERRORS),
)
@validated
def forget_batch(path: BatchPath) -> Response:
    """Cancel a batch, and forget it with all that belongs to it."""
    with _known(path.batch_task_id):
        client().forget_batch(path.batch_task_id)
    return Response(status=204)
