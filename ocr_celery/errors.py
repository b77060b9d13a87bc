"""Every error that a user can see, with a stable code, an HTTP status and a message: one table, in which a code is looked up.

The docstring of a class is its default message. An error has no state but ``args``, so that Celery can store it as JSON and
restore it as the same class.
"""

from typing import ClassVar


class OcrError(Exception):
    """The page could not be read."""

    code: ClassVar[str] = "ocr_error"
    http_status: ClassVar[int] = 500
    retryable: ClassVar[bool] = False  #: True if the same request may succeed later
    retry_after = 0.0  #: seconds that the refusing server asks to wait; not part of the stored result

    def __init__(self, message: str = "") -> None:
        super().__init__(message or " ".join((type(self).__doc__ or "").split()))

    @property
    def message(self) -> str:
        """The message for people."""
        return str(self.args[0])

    def as_result(self) -> dict[str, object]:
        """The form in which Celery stores an exception as a result."""
        return {"exc_type": type(self).__name__, "exc_message": [self.message], "exc_module": type(self).__module__}


# -- the request -------------------------------------------------------------------------------------------------------


class NoFile(OcrError):
    """There is no file in the request; send an image or document as the multipart field "file"."""

    code, http_status = "no_file", 400


class EmptyFile(OcrError):
    """The file is empty."""

    code, http_status = "empty_file", 400


class NotAnImage(OcrError):
    """The file is neither a PDF nor an image in a supported format (JPEG, PNG, WebP, TIFF, GIF, BMP, HEIC, AVIF, JPEG 2000)."""

    code, http_status = "not_an_image", 415


class Unreadable(OcrError):
    """The image is damaged or truncated and cannot be decoded; send it again, or save it again as PNG or JPEG."""

    code, http_status = "unreadable_image", 422


class PageTooCostly(OcrError):
    """Decoding the file takes more time or memory than this service allows (OCR_PREPARE_SECONDS), or crashes the decoder;
    save it again as PNG, JPEG or PDF, or smaller."""

    code, http_status = "page_too_costly", 422


class FileTooLarge(OcrError):
    """The file is larger than this service accepts (OCR_MAX_IMAGE_SIZE_MB; for documents OCR_MAX_DOCUMENT_MB)."""

    code, http_status = "file_too_large", 413


class TooManyPixels(OcrError):
    """The image has more pixels than this service accepts (OCR_MAX_IMAGE_PIXELS); send it smaller."""

    code, http_status = "too_many_pixels", 413


class BadOption(OcrError):
    """An option has a value that is not allowed; /docs has the values of each."""

    code, http_status = "bad_option", 422


class PromptTooLong(OcrError):
    """The prompt and the image leave no tokens for an answer; shorten the prompt."""

    code, http_status = "prompt_too_long", 422


class BadRequest(OcrError):
    """The request does not have the form described at /docs."""

    code, http_status = "bad_request", 422


# -- documents of several pages -----------------------------------------------------------------------------------------


class DocumentNotSupported(OcrError):
    """The file is a document in a format that is not read; convert it to PDF: soffice --headless --convert-to pdf FILE"""

    code, http_status = "document_not_supported", 415


class UnreadableDocument(OcrError):
    """The document is damaged or has no pages; send it again, or save it again as PDF."""

    code, http_status = "unreadable_document", 422


class PasswordNeeded(OcrError):
    """The document is encrypted; send its password in the option "password"."""

    code, http_status = "password_needed", 422


class WrongPassword(OcrError):
    """The password does not open the document; send the right one in the option "password"."""

    code, http_status = "wrong_password", 422


class TooManyPages(OcrError):
    """The document has more pages than this service accepts (OCR_MAX_DOCUMENT_PAGES); select fewer with page_range."""

    code, http_status = "too_many_pages", 413


class BadPageRange(OcrError):
    """The page range is not of the form "1-5,8,r3-r1,all"; pages count from 1, and r1 is the last."""

    code, http_status = "bad_page_range", 422


class NotADocument(OcrError):
    """The task has no pages of its own: it reads one image, or a document that was not opened yet; ask for the task itself."""

    code, http_status = "not_a_document", 409


class NoTables(OcrError):
    """There is no table in this result; ask for another format, such as md or text."""

    code, http_status = "no_tables", 422


class NoSuchTable(OcrError):
    """The result has fewer tables; they count from 1, and without `table` all are returned."""

    code, http_status = "no_such_table", 422


# -- exports -----------------------------------------------------------------------------------------------------------


class FormatNotAvailable(OcrError):
    """This service cannot make the result in this format; ask for md, text, json, html, raw, chunks, csv or xlsx."""

    code, http_status = "format_not_available", 501


class NoExporter(OcrError):
    """Nothing makes exports here: start an exporter beside the workers with celery -A ocr_celery.export worker."""

    code, http_status, retryable = "no_exporter", 503, True


class NoResult(OcrError):
    """There is no result to make a file of: the task is not finished, or it failed; ask for the task itself, or again later."""

    code, http_status, retryable = "no_result", 409, True


class ExportFailed(OcrError):
    """The file could not be made of this result; the exporter's log says why."""

    code, http_status = "export_failed", 500


class ResultTooLarge(OcrError):
    """The text of the document is too long for one result; ask for its pages one by one, or select fewer with page_range."""

    code, http_status = "result_too_large", 413


class NoPageRead(OcrError):
    """No page of the document could be read; each page says why."""

    code = "no_page_read"


# -- the URL -----------------------------------------------------------------------------------------------------------


class BadUrl(OcrError):
    """The URL is not a valid http or https address, such as https://www.example.org/scan.pdf."""

    code, http_status = "bad_url", 422


class AddressRefused(OcrError):
    """The URL leads to a private or special network address, which is refused unless OCR_URL_ALLOW names it."""

    code, http_status = "address_refused", 422


class DownloadFailed(OcrError):
    """The URL could not be downloaded."""

    code, http_status, retryable = "download_failed", 502, True


class DownloadTimeout(OcrError):
    """The URL took too long to download."""

    code, http_status, retryable = "download_timeout", 504, True


class TooManyRedirects(OcrError):
    """The URL redirects too many times (OCR_MAX_REDIRECTS); send the one that it ends at."""

    code, http_status = "too_many_redirects", 502


class SourceRefused(OcrError):
    """The server behind the URL answered with an error, or with something that was not asked for."""

    code, http_status = "source_refused", 502


# -- the service itself ------------------------------------------------------------------------------------------------


class QueueFull(OcrError):
    """Service is at full capacity. Please try again later."""

    code, http_status, retryable = "queue_full", 503, True


class BrokerUnavailable(OcrError):
    """Redis (the task broker) does not answer. Please try again later."""

    code, http_status, retryable = "broker_unavailable", 503, True


class StoreFull(OcrError):
    """The disk of the store of files is full (OCR_STORE): make room there; files are accepted again as soon as there is some."""

    code, http_status, retryable = "store_full", 507, True


class StoreUnavailable(OcrError):
    """The store of files (OCR_STORE) does not answer. Please try again later."""

    code, http_status, retryable = "store_unavailable", 503, True


class TaskNotFound(OcrError):
    """Task not found."""

    code, http_status = "task_not_found", 404


class ResultExpired(OcrError):
    """The task is finished, but its result has expired (OCR_TASK_TTL); send the page again."""

    code, http_status = "result_expired", 410


class ResultUnreadable(OcrError):
    """The record of this task in Redis is damaged; send the page again."""

    code, http_status = "result_unreadable", 410


class ImageExpired(OcrError):
    """The stored image of this task has expired or was deleted; send it again."""

    code, http_status = "image_expired", 410


class FileNotKept(ImageExpired):
    """The file of this task is not kept, so that its pages cannot be shown: see OCR_KEEP_FILES and OCR_STORE."""

    code, http_status = "file_not_kept", 410


class PromptExpired(OcrError):
    """The stored prompt of this page's batch has expired; send the batch again."""

    code, http_status = "prompt_expired", 410


class Cancelled(OcrError):
    """The task was cancelled or expired before the page was read; send it again if it should be."""

    code, http_status = "cancelled", 409


class EngineFailed(OcrError):
    """The OCR engine could not read this page; the worker's log says why."""

    code, http_status = "engine_failed", 500


class WorkerKilled(OcrError):
    """The worker died each time it read this page. The page is not tried again; other pages are not affected."""

    code, http_status = "worker_killed", 500


class EngineKilled(OcrError):
    """The OCR engine crashed each time it read this page. The page is not tried again; other pages are not affected."""

    code, http_status = "engine_killed", 500


class PageDeadline(OcrError):
    """The OCR engine did not finish this page within OCR_PAGE_DEADLINE; a smaller max_tokens may help."""

    code, http_status = "page_deadline", 500


class PageLost(OcrError):
    """The message of this task is missing from the queue; send the page again."""

    code, http_status, retryable = "page_lost", 500, False


class Purged(OcrError):
    """The queue was purged before the page was read; send it again."""

    code, http_status = "purged", 409


class MalformedMessage(OcrError):
    """The task message does not have the form of a Celery task message; send tasks with Celery or ocr_celery.client."""

    code, http_status = "malformed_message", 422


class GivenUp(OcrError):
    """The page was started many times and never finished. It is not tried again; send it again if it should be."""

    code, http_status = "given_up", 500


class Internal(OcrError):
    """Something went wrong inside the service; the log has the details."""

    code, http_status = "internal_error", 500


def _family(cls: type[OcrError]) -> list[type[OcrError]]:
    return [cls, *(c for sub in cls.__subclasses__() for c in _family(sub))]


#: every error class by its name, the "exc_type" that Celery stores in a failed result
BY_NAME: dict[str, type[OcrError]] = {cls.__name__: cls for cls in _family(OcrError)}


def public_error(exc_type: str, message: str) -> OcrError:
    """The error of a stored failure. Any other exception becomes `Internal`, without its message, which may be private."""
    known = BY_NAME.get(exc_type)
    return known(message) if known else Internal()
