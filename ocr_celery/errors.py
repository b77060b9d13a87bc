"""Every failure a user can meet, each with its public face: a stable code, an HTTP status and a sentence.

The docstring of a class is its default message. An error carries nothing but ``args``, so that it survives the JSON in
which Celery stores it and comes back as the same class.
"""

from typing import ClassVar


class OcrError(Exception):
    """The page could not be read."""

    code: ClassVar[str] = "ocr_error"
    http_status: ClassVar[int] = 500
    retryable: ClassVar[bool] = False  #: True where the same request may succeed later
    retry_after = 0.0  #: seconds that whoever refused asks us to wait; known where it was raised, not to its caller

    def __init__(self, message: str = "") -> None:
        super().__init__(message or " ".join((type(self).__doc__ or "").split()))

    @property
    def message(self) -> str:
        """The sentence a person understands."""
        return str(self.args[0])

    def as_result(self) -> dict[str, object]:
        """The form in which Celery stores an exception as a result."""
        return {"exc_type": type(self).__name__, "exc_message": [self.message], "exc_module": type(self).__module__}


# -- what the caller sent ------------------------------------------------------------------------------------------------


class NoFile(OcrError):
    """Send the image as the multipart field "file"."""

    code, http_status = "no_file", 400


class EmptyFile(OcrError):
    """The file is empty."""

    code, http_status = "empty_file", 400


class NotAnImage(OcrError):
    """The file is not an image of a kind we read (JPEG, PNG, WebP, TIFF, GIF, BMP, HEIC, AVIF, JPEG 2000)."""

    code, http_status = "not_an_image", 415


class PdfNotSupported(OcrError):
    """PDF is not read yet: split it into page images and send those."""

    code, http_status = "pdf_not_supported", 415


class Unreadable(OcrError):
    """The file is damaged or truncated: its picture cannot be decoded."""

    code, http_status = "unreadable_image", 422


class PageTooCostly(OcrError):
    """The file takes more time or memory to decode than this service allows (OCR_PREPARE_SECONDS), or ends its decoder."""

    code, http_status = "page_too_costly", 422


class FileTooLarge(OcrError):
    """The file is larger than this service accepts."""

    code, http_status = "file_too_large", 413


class TooManyPixels(OcrError):
    """The picture has more pixels than this service accepts."""

    code, http_status = "too_many_pixels", 413


class BadOption(OcrError):
    """An option has a value that is not allowed."""

    code, http_status = "bad_option", 422


class PromptTooLong(OcrError):
    """The prompt and the picture leave the model no room for an answer; shorten the prompt."""

    code, http_status = "prompt_too_long", 422


class BadRequest(OcrError):
    """The request is not of the form described at /docs."""

    code, http_status = "bad_request", 422


# -- where a URL leads ---------------------------------------------------------------------------------------------------


class BadUrl(OcrError):
    """The URL is not a valid http or https address."""

    code, http_status = "bad_url", 422


class AddressRefused(OcrError):
    """The URL leads to a private or special network address, which is not fetched from unless OCR_URL_ALLOW names it."""

    code, http_status = "address_refused", 422


class DownloadFailed(OcrError):
    """The URL could not be downloaded."""

    code, http_status, retryable = "download_failed", 502, True


class DownloadTimeout(OcrError):
    """The URL took too long to download."""

    code, http_status, retryable = "download_timeout", 504, True


class TooManyRedirects(OcrError):
    """The URL redirects too many times."""

    code, http_status = "too_many_redirects", 502


class SourceRefused(OcrError):
    """The server behind the URL answered with an error."""

    code, http_status = "source_refused", 502


# -- the service itself --------------------------------------------------------------------------------------------------


class QueueFull(OcrError):
    """Service is at full capacity. Please try again later."""

    code, http_status, retryable = "queue_full", 503, True


class BrokerUnavailable(OcrError):
    """Redis, which carries the tasks, does not answer. Please try again later."""

    code, http_status, retryable = "broker_unavailable", 503, True


class TaskNotFound(OcrError):
    """Task not found."""

    code, http_status = "task_not_found", 404


class ResultExpired(OcrError):
    """The task is finished, but its result is no longer kept."""

    code, http_status = "result_expired", 410


class ResultUnreadable(OcrError):
    """What Redis holds of this task cannot be read; send the page again."""

    code, http_status = "result_unreadable", 410


class ImageExpired(OcrError):
    """The stored image this task refers to is no longer there."""

    code, http_status = "image_expired", 410


class PromptExpired(OcrError):
    """The prompt of this page's batch is no longer there."""

    code, http_status = "prompt_expired", 410


class Cancelled(OcrError):
    """The task was cancelled or expired before it was read."""

    code, http_status = "cancelled", 409


class EngineFailed(OcrError):
    """The OCR engine could not read this page."""

    code, http_status = "engine_failed", 500


class WorkerKilled(OcrError):
    """The worker died each time it read this page, so it is not read any more; other pages are not harmed."""

    code, http_status = "worker_killed", 500


class EngineKilled(OcrError):
    """The OCR engine broke each time it read this page, so it is not read any more; other pages are not harmed."""

    code, http_status = "engine_killed", 500


class PageDeadline(OcrError):
    """The OCR engine did not come to an end with this page (OCR_PAGE_DEADLINE)."""

    code, http_status = "page_deadline", 500


class PageLost(OcrError):
    """The task's message is no longer in the queue; send the page again."""

    code, http_status, retryable = "page_lost", 500, False


class Purged(OcrError):
    """The queue was purged before the page was read; send it again."""

    code, http_status = "purged", 409


class MalformedMessage(OcrError):
    """The message that asks for this task is not of the form that Celery's senders give it."""

    code, http_status = "malformed_message", 422


class GivenUp(OcrError):
    """The page was taken up many times and never came to an end, so it is not tried any more; send it again."""

    code, http_status = "given_up", 500


class Internal(OcrError):
    """Something went wrong inside the service; the log has the details."""

    code, http_status = "internal_error", 500


def _family(cls: type[OcrError]) -> list[type[OcrError]]:
    return [cls, *(c for sub in cls.__subclasses__() for c in _family(sub))]


#: every error by its class name, as Celery stores it in a failed result ("exc_type")
BY_NAME: dict[str, type[OcrError]] = {cls.__name__: cls for cls in _family(OcrError)}


def public(exc_type: str, message: str) -> OcrError:
    """The error to show for a stored failure; a foreign exception becomes `Internal`, whose text tells nothing private."""
    known = BY_NAME.get(exc_type)
    return known(message) if known else Internal()
