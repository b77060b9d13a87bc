"""Makes exports, one after the other: looks up the result, has the format write its file, and puts that into the store.

An export that is delivered again after its exporter died is made again, up to MAX_TRIES times. One that is made is not made
again, and of one whose task is gone nothing is left.
"""

import time
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import structlog
from redis.exceptions import RedisError

from ocr_celery.client import Client
from ocr_celery.consumer import shutdown
from ocr_celery.consumer.spool import Spool
from ocr_celery.consumer.stored_files import StoredFiles
from ocr_celery.core.export_request import ExportRequest
from ocr_celery.core.export_status import MAX_TRIES
from ocr_celery.core.status import Status
from ocr_celery.decode.pool import DecoderPool
from ocr_celery.errors import ExportFailed, FormatNotAvailable, Internal, NoResult, OcrError, TaskNotFound
from ocr_celery.export.attempt import Attempt, Interrupted, Superseded
from ocr_celery.export.contract import WriteExport
from ocr_celery.export.formats import writer
from ocr_celery.export.job import StoredJob
from ocr_celery.settings import Settings
from ocr_celery.store.exports import GONE, MADE, UNREAD, Exports
from ocr_celery.store.files.in_redis import RedisStore
from ocr_celery.store.files.opening import open_store

log = structlog.stdlib.get_logger("ocr_celery.exports")

MAX_SIDE = 2048  #: pixels of a picture's longer side

_current: list["Exporter"] = []


class Exporter:
    """The exporter of this process; used by one thread. Raises `OSError` where there is no folder for its files."""

    def __init__(self, settings: Settings) -> None:
        client = Client(settings, service=True)
        self._client, self._settings = client, settings
        self._exports = Exports(client.redis, client.keys, keep=settings.task_ttl)
        self._store = open_store(settings.store_address, client.redis, client.keys)
        files = StoredFiles(RedisStore(client.redis, client.keys), self._store)
        # none is kept for a next export: it may be forgotten meanwhile, and its task's id be used for another file
        self._spool = Spool(files, max_bytes=0)
        self._decoder = DecoderPool(
            max_pixels=settings.max_image_pixels,
            max_side=MAX_SIDE,
            seconds=settings.prepare_seconds,
            at_once=1,
            on_failure=_end_process,
        )

    def close(self) -> None:
        """End its processes and delete its files."""
        self._decoder.close()
        self._spool.close()

    def make(self, request: ExportRequest) -> dict[str, Any]:
        """Make an export, unless it is made. Raises `Interrupted`, the `OcrError` that says why there is none, `RedisError`."""
        attempt = Attempt(self._exports, request, seconds=self._settings.export_seconds)
        began, tries = time.monotonic(), attempt.begin()
        if tries == GONE:
            raise TaskNotFound
        if tries == UNREAD:
            raise NoResult
        if tries != MADE:
            try:
                size = self._make(request, attempt, tries)
            except Superseded:
                log.warning("export left to another exporter, which has begun it", **_named(request))
            else:
                log.info("export made", **_named(request), bytes=size, seconds=round(time.monotonic() - began, 1))
        return {"task_id": request.task_id, "format": request.format, "file": request.file_name}

    def _make(self, request: ExportRequest, attempt: Attempt, tries: int) -> int:
        """The size of the file. Raises `Superseded` in addition to what `make` raises."""
        try:
            self._refuse(tries)
            return self._write(request, attempt)
        except Interrupted:
            attempt.give_back()
            log.info("export requeued", **_named(request))
            raise
        except (RedisError, Superseded):
            raise
        except Exception as exc:
            raise self._failed(request, attempt, exc) from None

    def _refuse(self, tries: int) -> None:
        if self._store.in_redis:
            raise FormatNotAvailable("Files are not kept in Redis; set OCR_STORE to a folder or to S3.")
        if tries > MAX_TRIES:
            raise ExportFailed(f"The exporter died each of the {MAX_TRIES} times that it made this file.")

    def _write(self, request: ExportRequest, attempt: Attempt) -> int:
        with ExitStack() as stack:
            folder = Path(stack.enter_context(TemporaryDirectory(dir=self._spool.folder)))
            view = self._client.look_up_outline(request.task_id)
            if request.is_of_result and view.status is not Status.COMPLETED:  # its result has expired, or is damaged
                raise view.error or NoResult
            job = StoredJob(
                request,
                view,
                client=self._client,
                spool=self._spool,
                decoder=self._decoder,
                folder=folder,
                stack=stack,
                alive=attempt.check,
            )
            path = _writer(request.format)(job)
            size = path.stat().st_size
            with attempt.noting_life():
                self._store.put_file(request.file_name, path)
        try:
            attempt.complete(size)
        except TaskNotFound:
            self._store.delete(request.file_name)
            raise
        return size

    def _failed(self, request: ExportRequest, attempt: Attempt, exc: Exception) -> OcrError:
        """The error as its sender sees it, noted in the record of the export."""
        if isinstance(exc, OcrError):
            error = exc
            log.warning("export failed", **_named(request), code=error.code, why=error.message)
        else:
            error = Internal()
            log.error("export failed", **_named(request), code=error.code, exc_info=exc)
        attempt.fail(error)
        return error


def _end_process(exc: Exception) -> None:
    """No picture can be made any more: end the exporter, whose supervisor starts another; its export goes back to the queue."""
    log.error("decoder failed: the exporter ends", why=repr(exc))
    shutdown.shut_down(shutdown.EXIT_ENGINE_FAILED)


def _named(request: ExportRequest) -> dict[str, str]:
    return {"task_id": request.task_id[:120], "format": request.format}


def _writer(format: str) -> WriteExport:
    try:
        return writer(format)
    except ImportError as exc:
        log.warning("export format not available", format=format, why=str(exc))
        raise FormatNotAvailable(
            f"The exporter lacks what makes {format}: install its packages with pip install 'ocr-celery[export]'."
        ) from None


def start(settings: Settings) -> Exporter:
    """Make the exporter of this process. Raises `OSError`."""
    _current.append(Exporter(settings))
    return _current[0]


def current() -> Exporter:
    """The exporter of this process. Raises `Internal` where it has none."""
    if not _current:
        raise Internal
    return _current[0]
