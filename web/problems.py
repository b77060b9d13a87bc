"""Answers every error as ``{"detail", "code"}``, with nothing of the service's inside or of the request's content."""

from typing import Any, ClassVar

import structlog
from flask import Flask, Response, g, jsonify
from werkzeug.exceptions import HTTPException

from ocr_celery.errors import (
    BadRequest,
    BrokerUnavailable,
    Internal,
    NoExporter,
    OcrError,
    QueueFull,
    StoreFull,
    StoreUnavailable,
)

log = structlog.get_logger("web")


class MalformedRequest(OcrError):
    """The request is malformed."""

    code, http_status = "malformed_request", 400


class PathNotFound(OcrError):
    """There is nothing at this path; see /docs."""

    code, http_status = "not_found", 404


class MethodNotAllowed(OcrError):
    """This path does not support that method; see /docs."""

    code, http_status = "method_not_allowed", 405


class CrossSite(OcrError):
    """A page of another web site may not send this; call the service from a program, or from its own page."""

    code, http_status = "cross_site", 403


class RequestTimeout(OcrError):
    """The request took too long to arrive (OCR_UPLOAD_TIMEOUT); send it again, or in smaller files."""

    code, http_status, retryable = "request_timeout", 408, True


class RequestTooLarge(OcrError):
    """The request is larger than this service accepts; send smaller files, or fewer URLs."""

    code, http_status = "request_too_large", 413


class UnsupportedMediaType(OcrError):
    """The body is not of the content type described at /docs."""

    code, http_status = "unsupported_media_type", 415


class TaskFailed(OcrError):
    """The page or document could not be read: code and sentence are those of its task."""

    code, http_status = "failed", 409


class NotReady(OcrError):
    """No worker with a loaded engine is ready yet; tasks are accepted and wait."""

    code, http_status, retryable = "not_ready", 503, True


#: seconds after which a retry makes sense
_RETRY_AFTER_SECONDS: dict[type[OcrError], int] = {
    NoExporter: 5,
    QueueFull: 5,
    BrokerUnavailable: 2,
    StoreUnavailable: 5,
    StoreFull: 30,
    NotReady: 2,
}


class _OtherRefusal(OcrError):
    """The request was refused; /docs has what this service answers."""

    code: ClassVar[str] = "refused"


_ERROR_BY_STATUS: dict[int, type[OcrError]] = {
    cls.http_status: cls
    for cls in (
        *(MalformedRequest, PathNotFound, MethodNotAllowed, RequestTimeout, RequestTooLarge),
        *(UnsupportedMediaType, BadRequest),
    )
}


def answer_errors(app: Flask) -> None:
    """Answer every exception of this app as a problem."""
    app.register_error_handler(OcrError, error_response)
    app.register_error_handler(HTTPException, _handle_http_exception)
    app.register_error_handler(Exception, _handle_unexpected)


def error_response(error: OcrError, **more: Any) -> Response:
    """The answer for one of our errors. `more`: further keys of the body."""
    g.code = error.code
    response = jsonify(**more, detail=error.message, code=error.code)
    response.status_code = error.http_status
    wait = next((seconds for cls, seconds in _RETRY_AFTER_SECONDS.items() if isinstance(error, cls)), None)
    if wait is not None:
        response.headers["Retry-After"] = str(wait)
    return response


def _handle_http_exception(exc: HTTPException) -> Response | HTTPException:
    """Answer an error that Flask or werkzeug raised; redirects stay as they are."""
    status = exc.code or 500
    if status < 400:
        return exc
    if status >= 500:
        return _handle_unexpected(exc)
    response = error_response(_ERROR_BY_STATUS.get(status, _OtherRefusal)())
    response.status_code = status
    allowed = getattr(exc, "valid_methods", None)
    if allowed:
        response.headers["Allow"] = ", ".join(sorted(allowed))
    return response


def _handle_unexpected(exc: Exception) -> Response:
    """Answer a bug: the log has its traceback, the caller gets only the code."""
    log.error("unexpected_error", exc_info=exc)
    return error_response(Internal())
