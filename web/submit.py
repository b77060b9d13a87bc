"""The calls that submit pages: a file, a URL, or many URLs. Each answers with the ids of its tasks."""

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from flask import Response, g, jsonify, request
from flask_openapi.blueprint import APIBlueprint

from ocr_celery.core.status import Status
from ocr_celery.decode import header
from ocr_celery.errors import (
    BadOption,
    BadPageRange,
    BadRequest,
    BadUrl,
    BrokerUnavailable,
    DocumentNotSupported,
    EmptyFile,
    FileTooLarge,
    NoFile,
    NotAnImage,
    OcrError,
    QueueFull,
    StoreFull,
    StoreUnavailable,
    TooManyPixels,
)
from web import request_body, waiting
from web.openapi import openapi_responses
from web.problems import CrossSite, MalformedRequest, RequestTimeout, RequestTooLarge, UnsupportedMediaType
from web.request_models import BatchRequest, ResultQuery, Upload, UrlRequest
from web.request_parsing import client, file_too_large, validated
from web.response_models import Batch, BatchAccepted, Task, TaskAccepted
from web.results import render_batch, render_task

api = APIBlueprint("ocr", __name__)
_TAGS: Any = [{"name": "Read", "description": "Send pages to be read."}]
_COMMON_ERRORS = (
    *(CrossSite, MalformedRequest, RequestTimeout, RequestTooLarge, UnsupportedMediaType),
    *(BadRequest, BadOption, BadPageRange, QueueFull, BrokerUnavailable),
)
_IMAGE_ERRORS = (
    *(NoFile, EmptyFile, FileTooLarge, TooManyPixels, NotAnImage, DocumentNotSupported),
    *(StoreFull, StoreUnavailable),
)


@api.post(
    "/ocr",
    operation_id="submitFile",
    tags=_TAGS,
    responses=openapi_responses(Task, *_IMAGE_ERRORS, *_COMMON_ERRORS, accepted=TaskAccepted),
)
@validated
def submit_file(form: Upload, query: ResultQuery) -> Response:
    """Read an image or a document sent as a file.

    Only its header is checked here; a file that turns out to be damaged fails as a task.
    """
    ocr_client = client()
    settings, data = ocr_client.settings, form.file.data
    found = header.read_header(data, max_pixels=settings.max_image_pixels)
    if len(data) > (settings.max_document_bytes if found.is_document else settings.max_image_bytes):
        raise file_too_large(is_document=found.is_document)
    submit = ocr_client.submit_document if found.is_document else ocr_client.submit_image
    task_id = submit(data, name=form.file.filename or "", **form.given())
    form.file.data = data = b""  # it is stored now; nobody waits with a file in memory
    request_body.release_memory()
    return _accept_task(task_id, query)


@api.post(
    "/ocr/url",
    operation_id="submitUrl",
    tags=_TAGS,
    responses=openapi_responses(Task, BadUrl, *_COMMON_ERRORS, accepted=TaskAccepted),
)
@validated
def submit_url(body: UrlRequest, query: ResultQuery) -> Response:
    """Read the image or document behind a URL.

    Only its syntax is checked here. Its task fetches it later, and fails if it leads to neither.
    """
    return _accept_task(client().submit_url(body.url, **body.given()), query)


@api.post(
    "/ocr/url/batch",
    operation_id="submitBatch",
    tags=_TAGS,
    responses=openapi_responses(Batch, *_COMMON_ERRORS, accepted=BatchAccepted),
)
@validated
def submit_batch(body: BatchRequest, query: ResultQuery) -> Response:
    """Read the images and documents behind many URLs.

    A URL that fails does not affect the others; a malformed one fails at once.
    A batch may exceed the limit of the queue if the queue is not full yet.
    """
    ocr_client = client()
    max_urls = ocr_client.settings.max_batch_urls
    if len(body.urls) > max_urls:
        raise BadRequest(f"urls: must have at most {max_urls} items, not {len(body.urls)}.")
    batch_id = ocr_client.submit_batch(body.urls, **body.given())
    g.task_ids = {"batch_task_id": batch_id}
    view = _final(waiting.batch_view, batch_id, query)
    return jsonify(render_batch(view, query)) if view else _accepted(f"/ocr/batch/{batch_id}")


def _accept_task(task_id: str, query: ResultQuery) -> Response:
    g.task_ids = {"task_id": task_id}
    view = _final(waiting.task_view, task_id, query)
    return jsonify(render_task(view, query)) if view else _accepted(f"/ocr/{task_id}")


def _final(wait: Callable[[str, float], Any], id: str, query: ResultQuery) -> Any:
    """What was sent, if it is final before the caller has waited for as long as it wished; else None.

    An error meanwhile is no answer: the caller would send again what has been accepted.
    """
    if not query.wait:
        return None
    with suppress(OcrError):
        view = wait(id, query.wait)
        return view if view.status.final else None
    return None


def _accepted(location: str) -> Response:
    text = json.dumps({**g.task_ids, "status": Status.PENDING}) + "\n"
    return Response(text, 202, {"Location": request.root_path + location}, mimetype="application/json")
