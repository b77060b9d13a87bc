"""From a message to the bytes of its file: what is known of the task, whether it may run, and the file looked up or fetched."""

import time
from typing import Any

from celery import states
from redis import Redis

from ocr_celery import message
from ocr_celery.consumer.file_kind import is_document, may_be_document
from ocr_celery.consumer.page_run import PageRun
from ocr_celery.consumer.stored_files import StoredFiles
from ocr_celery.core import delivery_limit, quarantine
from ocr_celery.core.document import page_id
from ocr_celery.core.file_reference import is_reference
from ocr_celery.core.quarantine import Cause, Decision
from ocr_celery.errors import (
    BadOption,
    EngineKilled,
    FileTooLarge,
    GivenUp,
    OcrError,
    PageDeadline,
    WorkerKilled,
)
from ocr_celery.fetch.address_policy import Address
from ocr_celery.fetch.download import Downloader
from ocr_celery.message import ASSEMBLE, DOCUMENT, IMAGE, PAGE, URL, Job
from ocr_celery.settings import Settings
from ocr_celery.store import shared_prompt
from ocr_celery.store.cancellation import Cancellation
from ocr_celery.store.documents import PageOf
from ocr_celery.store.registry import Registry

_ERROR_BY_CAUSE: dict[str, type[OcrError]] = {
    Cause.WORKER: WorkerKilled,
    Cause.ENGINE: EngineKilled,
    Cause.DEADLINE: PageDeadline,
}
#: tasks whose file is in the message or the store, and may be a PDF, which has a text of its own
_MAY_HAVE_TEXT = (PAGE, IMAGE, DOCUMENT)


class PageLoader:
    """Reads a message, and gets its file. Safe to call from many threads."""

    def __init__(self, settings: Settings, registry: Registry, files: StoredFiles) -> None:
        self.downloader = Downloader(
            timeout=settings.image_download_timeout,
            max_bytes=max(settings.max_image_bytes, settings.max_document_bytes),
            max_redirects=settings.max_redirects,
            allow=settings.url_allow,
            limit=self._limit,
        )
        self._defaults = settings.options()
        self._max_bytes = settings.max_image_bytes
        self._max_document_bytes = settings.max_document_bytes
        self._registry = registry
        self._files = files
        self._cancellation = Cancellation(registry)
        self._redis: Redis = registry.redis

    def load(self, run: PageRun) -> None:
        """Set the page's job and its file, unless that is a document in a store; or the prior result of a task that is final.

        Raises the `OcrError` that says why the page cannot be read, and `RedisError`.
        """
        args, kwargs, _ = run.request._payload
        source = message.recorded_source(run.request.type, args, kwargs)
        page_of = _page_of(run, args, kwargs)
        history = self._registry.transition(run.id, states.RECEIVED, now=time.time(), source=source, page_of=page_of)
        if history is None:
            run.prior_result = self._registry.celery_record(run.id)
            run.cancelled = bool(self._cancellation.cancelled([run.id]))
            return
        run.created_at = history.created_at
        if history.is_expanded and run.request.type != ASSEMBLE:
            run.is_expanded = True
            return
        decision = quarantine.decide(history.crashes)
        if decision is Decision.FAIL:
            run.convicted = _ERROR_BY_CAUSE[history.crashes.last_cause]()
        elif delivery_limit.is_given_up(run.request.request_dict.get("properties")):
            run.convicted = GivenUp()
        if run.convicted is not None and run.request.type not in _MAY_HAVE_TEXT:
            raise run.convicted
        run.quarantined = decision is Decision.QUARANTINE
        run.solo_strikes = history.crashes.solo_strikes
        if run.request.type in (PAGE, ASSEMBLE):  # consumer/document_opener.py goes on
            return
        run.job = self._job(run.request.type, args, kwargs)
        run.options = run.job.options
        if run.refused is not None:
            raise run.refused
        if run.job.task == DOCUMENT and is_reference(run.job.source):  # it may be large: document_opener.py fetches it
            return
        run.file = self._fetch_file(run.job, run.address)
        if run.convicted is not None and not is_document(run.file):
            raise run.convicted

    def _job(self, task: str, args: Any, kwargs: Any) -> Job:
        options = shared_prompt.resolve(self._redis, self._registry.keys, kwargs)
        return message.read_job(task, args, options, self._defaults)

    def _fetch_file(self, job: Job, address: Address | None = None) -> bytes:
        data = self.downloader.fetch(job.source, address) if job.task == URL else self._image_bytes(job.source)
        if len(data) > (self._max_document_bytes if is_document(data) else self._max_bytes):
            raise FileTooLarge()
        return data

    def _limit(self, start: bytes) -> int:
        """Bytes of a file that begins like this."""
        return self._max_document_bytes if may_be_document(start) else self._max_bytes

    def _image_bytes(self, source: object) -> bytes:
        if isinstance(source, bytes):
            return source
        if not is_reference(source):
            raise BadOption("image: must be raw bytes or a reference from client.store_image.")
        return self._files.get(source)


def _page_of(run: PageRun, args: Any, kwargs: Any) -> PageOf | None:
    """Of which document it is a page, by its message: its record may be lost. None where its id is not that of this page."""
    if run.request.type != PAGE:
        return None
    try:
        document, number = message.read_page_args(args, kwargs)
    except BadOption:
        return None
    if run.id != page_id(document, number):
        return None
    queue = run.request.delivery_info.get("routing_key")
    return PageOf(document, number, queue) if isinstance(queue, str) and queue else None
