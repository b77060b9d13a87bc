"""Whatever goes wrong is answered in one shape, ``{"detail", "code"}``, and nothing of the inside or of the payload."""

from typing import Any, ClassVar

import structlog
from flask import Flask, Response, g, jsonify
from werkzeug.exceptions import HTTPException

from ocr_celery.errors import BadRequest, BrokerUnavailable, Internal, OcrError, QueueFull

log = structlog.get_logger("web")


class MalformedRequest(OcrError):
    """The request cannot be understood."""

    code, http_status = "malformed_request", 400


class PathNotFound(OcrError):
    """There is nothing at this path; see /docs."""

    code, http_status = "not_found", 404


class MethodNotAllowed(OcrError):
    """This path does not know that method; see /docs."""

    code, http_status = "method_not_allowed", 405


class RequestTimeout(OcrError):
    """The request took too long to arrive."""

    code, http_status, retryable = "request_timeout", 408, True


class RequestTooLarge(OcrError):
    """The request is larger than this service accepts."""

    code, http_status = "request_too_large", 413


class UnsupportedMediaType(OcrError):
    """The body is not of the content type described at /docs."""

    code, http_status = "unsupported_media_type", 415


class NotReady(OcrError):
    """No worker with a loaded engine is there yet; tasks are taken in and wait."""

    code, http_status, retryable = "not_ready", 503, True


#: seconds after which trying again makes sense
_RETRY_AFTER_SECONDS: dict[type[OcrError], int] = {QueueFull: 5, BrokerUnavailable: 2, NotReady: 2}


class _OtherRefusal(OcrError):
    """What werkzeug refuses with a status for which we have no word of our own."""

    code: ClassVar[str] = "refused"


_ERROR_BY_STATUS: dict[int, type[OcrError]] = {
    cls.http_status: cls
    for cls in (
        *(MalformedRequest, PathNotFound, MethodNotAllowed, RequestTimeout, RequestTooLarge),
        *(UnsupportedMediaType, BadRequest),
    )
}


def register(app: Flask) -> None:
    """Answer for every exception of this app."""
    app.register_error_handler(OcrError, error_response)
    app.register_error_handler(HTTPException, _handle_http_exception)
    app.register_error_handler(Exception, _handle_unexpected)


def error_response(error: OcrError, **more: Any) -> Response:
    """The answer for an error of ours."""
    g.code = error.code
    response = jsonify(**more, detail=error.message, code=error.code)
    response.status_code = error.http_status
    wait = next((seconds for cls, seconds in _RETRY_AFTER_SECONDS.items() if isinstance(error, cls)), None)
    if wait is not None:
        response.headers["Retry-After"] = str(wait)
    return response


def _handle_http_exception(exc: HTTPException) -> Response | HTTPException:
    """What Flask and werkzeug refuse by themselves; redirects pass as they are."""
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
    """A mistake of ours: the log says all, the caller learns only that it was one."""
    log.error("unexpected_error", exc_info=exc)
    return error_response(Internal())
