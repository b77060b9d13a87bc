"""The calls that submit pages: a file, a URL, or many URLs. Each answers with the ids of its tasks."""

import json
from typing import Any

from flask import Response, g, request
from flask_openapi.blueprint import APIBlueprint

from ocr_celery.core.status import Status
from ocr_celery.decode import header
from ocr_celery.errors import (
    BadOption,
    BadRequest,
    BadUrl,
    BrokerUnavailable,
    DocumentNotSupported,
    EmptyFile,
    FileTooLarge,
    NoFile,
    NotAnImage,
    PdfNotSupported,
    QueueFull,
    StoreFull,
    StoreUnavailable,
    TooManyPixels,
)
from web.openapi import openapi_responses
from web.problems import MalformedRequest, RequestTimeout, RequestTooLarge, UnsupportedMediaType
from web.request_models import BatchRequest, Upload, UrlRequest
from web.request_parsing import client, file_too_large, validated
from web.response_models import BatchAccepted, TaskAccepted

api = APIBlueprint("ocr", __name__)
_TAGS: Any = [{"name": "Read", "description": "Send pages to be read."}]
_COMMON_ERRORS = (
    *(MalformedRequest, RequestTimeout, RequestTooLarge, UnsupportedMediaType),
    *(BadRequest, BadOption, QueueFull, BrokerUnavailable),
)
_IMAGE_ERRORS = (
    *(NoFile, EmptyFile, FileTooLarge, TooManyPixels, NotAnImage, DocumentNotSupported, PdfNotSupported),
    *(StoreFull, StoreUnavailable),
)


@api.post(
    "/ocr",
    operation_id="submitFile",
    tags=_TAGS,
    responses=openapi_responses(TaskAccepted, *_IMAGE_ERRORS, *_COMMON_ERRORS, status=202),
)
@validated
def submit_file(form: Upload) -> Response:
    """Read an image sent as a file.

    Only its header is checked here; a file that turns out to be damaged fails as a task.
    """
    ocr_client = client()
    data = form.file.data
    if len(data) > ocr_client.settings.max_image_bytes:
        raise file_too_large()
    header.read_header(data, max_pixels=ocr_client.settings.max_image_pixels)
    return _accept_task(ocr_client.submit_image(data, name=form.file.filename or "", **form.given()))


@api.post(
    "/ocr/url",
    operation_id="submitUrl",
    tags=_TAGS,
    responses=openapi_responses(TaskAccepted, BadUrl, *_COMMON_ERRORS, status=202),
)
@validated
def submit_url(body: UrlRequest) -> Response:
    """Read the image behind a URL.

    Only its syntax is checked here. Its task fetches it later, and fails if it leads to no image.
    """
    return _accept_task(client().submit_url(body.url, **body.given()))


@api.post(
    "/ocr/url/batch",
    operation_id="submitBatch",
    tags=_TAGS,
    responses=openapi_responses(BatchAccepted, *_COMMON_ERRORS, status=202),
)
@validated
def submit_batch(body: BatchRequest) -> Response:
    """Read the images behind many URLs.

    A URL that fails does not affect the others; a malformed one fails at once.
    A batch may exceed the limit of the queue if the queue is not full yet.
    """
    ocr_client = client()
    max_urls = ocr_client.settings.max_batch_urls
    if len(body.urls) > max_urls:
        raise BadRequest(f"urls: must have at most {max_urls} items, not {len(body.urls)}.")
    batch_id = ocr_client.submit_batch(body.urls, **body.given())
    return _accepted(f"/ocr/batch/{batch_id}", batch_task_id=batch_id)


def _accept_task(task_id: str) -> Response:
    return _accepted(f"/ocr/{task_id}", task_id=task_id)


def _accepted(location: str, **ids: str) -> Response:
    g.task_ids = ids
    text = json.dumps({**ids, "status": Status.PENDING}) + "\n"
    return Response(text, 202, {"Location": request.root_path + location}, mimetype="application/json")
