"""Where pages are sent: as a file, by URL, or many URLs at once. Answered at once; the work is done by tasks."""

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
    EmptyFile,
    FileTooLarge,
    NoFile,
    NotAnImage,
    PdfNotSupported,
    QueueFull,
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
_IMAGE_ERRORS = (NoFile, EmptyFile, FileTooLarge, TooManyPixels, NotAnImage, PdfNotSupported)


@api.post(
    "/ocr",
    operation_id="submitFile",
    tags=_TAGS,
    responses=openapi_responses(TaskAccepted, *_IMAGE_ERRORS, *_COMMON_ERRORS, status=202),
)
@validated
def submit_file(form: Upload) -> Response:
    """Read an image sent as a file.

    Only its header is looked at here; a file that turns out to be damaged is a task that fails.
    """
    ocr_client = client()
    data = form.file.data
    if len(data) > ocr_client.settings.max_image_bytes:
        raise file_too_large()
    header.look(data, max_pixels=ocr_client.settings.max_image_pixels)
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

    Only its form is looked at here. It is fetched later, by the task: a URL that leads to no image is a task that fails.
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

    One bad URL harms no other; one of a wrong form is failed at once.
    A batch may exceed the limit of the queue, as long as the queue is not full already.
    """
    ocr_client = client()
    max_urls = ocr_client.settings.max_batch_urls
    if len(body.urls) > max_urls:
        raise BadRequest(f"urls: {len(body.urls)} were given; a batch may have up to {max_urls}.")
    batch_id = ocr_client.submit_batch(body.urls, **body.given())
    return _accepted(f"/ocr/batch/{batch_id}", batch_task_id=batch_id)


def _accept_task(task_id: str) -> Response:
    return _accepted(f"/ocr/{task_id}", task_id=task_id)


def _accepted(location: str, **ids: str) -> Response:
    g.task_ids = ids
    text = json.dumps({**ids, "status": Status.PENDING}) + "\n"
    return Response(text, 202, {"Location": request.root_path + location}, mimetype="application/json")
