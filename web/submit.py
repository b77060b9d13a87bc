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
from web.openapi import answers
from web.problems import MalformedRequest, RequestTimeout, RequestTooLarge, UnsupportedMediaType
from web.request_models import BatchRequest, Upload, UrlRequest
from web.request_parsing import checked, client, too_large
from web.response_models import BatchAccepted, TaskAccepted

api = APIBlueprint("ocr", __name__)
_TAGS: Any = [{"name": "Read", "description": "Send pages to be read."}]
_ALWAYS = (
    *(MalformedRequest, RequestTimeout, RequestTooLarge, UnsupportedMediaType),
    *(BadRequest, BadOption, QueueFull, BrokerUnavailable),
)
_IMAGE = (NoFile, EmptyFile, FileTooLarge, TooManyPixels, NotAnImage, PdfNotSupported)


@api.post("/ocr", operation_id="submitFile", tags=_TAGS, responses=answers(TaskAccepted, *_IMAGE, *_ALWAYS, status=202))
@checked
def upload(form: Upload) -> Response:
    """Read an image sent as a file.

    Only its header is looked at here; a file that turns out to be damaged is a task that fails.
    """
    here = client()
    data = form.file.data
    if len(data) > here.settings.max_image_bytes:
        raise too_large()
    header.look(data, max_pixels=here.settings.max_image_pixels)
    return _accepted(here.submit_image(data, name=form.file.filename or "", **form.given()))


@api.post(
    "/ocr/url", operation_id="submitUrl", tags=_TAGS, responses=answers(TaskAccepted, BadUrl, *_ALWAYS, status=202)
)
@checked
def url(body: UrlRequest) -> Response:
    """Read the image behind a URL.

    Only its form is looked at here. It is fetched later, by the task: a URL that leads to no image is a task that fails.
    """
    return _accepted(client().submit_url(body.url, **body.given()))


@api.post(
    "/ocr/url/batch", operation_id="submitBatch", tags=_TAGS, responses=answers(BatchAccepted, *_ALWAYS, status=202)
)
@checked
def batch(body: BatchRequest) -> Response:
    """Read the images behind many URLs.

    One bad URL harms no other; one of a wrong form is failed at once.
    A batch may exceed the limit of the queue, as long as the queue is not full already.
    """
    here = client()
    most = here.settings.max_batch_urls
    if len(body.urls) > most:
        raise BadRequest(f"urls: {len(body.urls)} were given; a batch may have up to {most}.")
    id = here.submit_batch(body.urls, **body.given())
    return _created(f"/ocr/batch/{id}", batch_task_id=id)


def _accepted(id: str) -> Response:
    return _created(f"/ocr/{id}", task_id=id)


def _created(where: str, **ids: str) -> Response:
    g.sent = ids
    text = json.dumps({**ids, "status": Status.PENDING}) + "\n"
    return Response(text, 202, {"Location": request.root_path + where}, mimetype="application/json")
