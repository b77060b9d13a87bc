"""Opens files of several pages: one page is read in this run, more become tasks of their own, in one step.

The file is stored under the document's id before that step, so that no page is queued whose file is missing; one that is read
in this run is not stored.
"""

import json
import logging
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from celery import states

from ocr_celery import message
from ocr_celery.consumer.document_assembly import assemble_document
from ocr_celery.consumer.file_keeper import FileKeeper
from ocr_celery.consumer.file_kind import is_document
from ocr_celery.consumer.page_run import DocumentPage, PageRun
from ocr_celery.consumer.spool import Spool
from ocr_celery.consumer.stored_files import StoredFiles
from ocr_celery.core.document import PageSet
from ocr_celery.core.document_options import DocumentOptions
from ocr_celery.core.file_keeping import file_name_of
from ocr_celery.core.file_reference import IN_REDIS, IN_STORE
from ocr_celery.core.page_range import parse_page_range
from ocr_celery.core.status import EXPANDED
from ocr_celery.decode.pool import DecoderPool
from ocr_celery.errors import (
    BadOption,
    Cancelled,
    FileTooLarge,
    ImageExpired,
    TooManyPages,
)
from ocr_celery.settings import Settings
from ocr_celery.store import documents, passwords
from ocr_celery.store.files.contract import is_name
from ocr_celery.store.registry import Registry
from ocr_celery.transport import document_messages

log = logging.getLogger(__name__)


class DocumentOpener:
    """Opens documents, and finds the pages of opened ones. Safe to use from many threads.

    All raise the `OcrError` that says why a task fails, and `RedisError`.
    """

    def __init__(
        self,
        settings: Settings,
        registry: Registry,
        files: StoredFiles,
        spool: Spool,
        decoder: DecoderPool,
        *,
        keeper: FileKeeper,
    ) -> None:
        self._registry, self._documents = registry, registry.documents
        self._files, self._spool, self._decoder, self._keeper = files, spool, decoder, keeper
        self._defaults = settings.options()
        self._max_pages = settings.max_document_pages
        self._max_image_bytes, self._max_document_bytes = settings.max_image_bytes, settings.max_document_bytes
        self._keep = settings.task_ttl

    def open_or_assemble(self, run: PageRun) -> None:
        """Open a loaded document, find the page of one in its file, or assemble one; an image stays as it is."""
        if run.prior_result is not None or run.is_expanded:
            return
        if run.request.type == message.PAGE:
            args, kwargs, _ = run.request._payload
            self.load_page(run, args, kwargs)
        elif run.request.type == message.ASSEMBLE:
            assemble_document(run, self._documents)
        elif run.file is None:
            self.open_stored(run)
        elif is_document(run.file):
            self.open(run)

    def open(self, run: PageRun) -> None:
        """Count the pages of a task's file; set `run.document_page` where it is to be read as one page, else queue its pages.

        Blocks while the file is opened. Afterwards `run.file` is None.
        """
        assert run.file is not None
        data, run.file = run.file, None
        stored = _stored_reference(run)
        with ExitStack() as stack:
            path = stack.enter_context(self._spool.path(stored) if stored else self._spool.hold(data))
            self._open_at(path, run, stored, stack, data)

    def open_stored(self, run: PageRun) -> None:
        """The same for a file that was not loaded, as it may be large: it is fetched part by part.

        It is held in memory only where it has to be stored again, under the id of the document. An image is `run.file`
        afterwards.
        """
        assert run.job is not None
        with ExitStack() as stack:
            path = stack.enter_context(self._spool.path(run.job.source))
            if self._is_document(path):
                self._open_at(path, run, _stored_reference(run), stack, None)
                return
            run.file = path.read_bytes()
        if run.convicted is not None:
            raise run.convicted

    def _is_document(self, path: Path) -> bool:
        with path.open("rb") as file:
            found = is_document(file)
        if path.stat().st_size > (self._max_document_bytes if found else self._max_image_bytes):
            raise FileTooLarge
        return found

    def _open_at(self, path: Path, run: PageRun, stored: str, stack: ExitStack, data: bytes | None) -> None:
        """`stored`: the reference under which the pages of the file will find it, if there is one. `stack`: holds `path`.

        `data`: the same file, where it is in memory.
        """
        assert run.job is not None
        options = run.job.file_options
        password = passwords.resolve(self._registry.redis, self._registry.keys, options.password)
        info = self._decoder.open_document(path, password=password)
        numbers = self._selected(options, info.pages)
        if len(numbers) == 1:
            run.document_page = DocumentPage(path, numbers[0], password, options.text_layer, stack.pop_all())
            if data is not None:
                self._keeper.hold(run, data)
            return
        if run.convicted is not None:
            raise run.convicted
        if not stored:
            run.was_stored = True
            stored = self._files.put(_checked_name(run.id), path.read_bytes() if data is None else data)
        self._expand(run, info.kind, PageSet.of(numbers, info.pages), numbers, stored)

    def _selected(self, options: DocumentOptions, in_file: int) -> list[int]:
        if not options.page_range and in_file > self._max_pages:
            raise self._too_many(in_file)
        numbers = parse_page_range(options.page_range, in_file)
        if len(numbers) > self._max_pages:
            raise self._too_many(len(numbers))
        return numbers

    def _too_many(self, pages: int) -> TooManyPages:
        return TooManyPages(
            f"{pages} pages are to be read; this service accepts up to {self._max_pages} (OCR_MAX_DOCUMENT_PAGES). "
            "Select fewer with page_range."
        )

    def _expand(self, run: PageRun, kind: str, pages: PageSet, numbers: list[int], reference: str) -> None:
        request, app, job = run.request, run.task.app, run.job
        assert job is not None
        queue = self._queue(app, request)
        args, kwargs, embedded = request._payload
        source = message.redacted_source(request.type, args, kwargs, request.request_dict.get("file_name"))
        options = job.page_options()
        answer = self._documents.expand(
            run.id,
            pages,
            document_messages.page_messages(app, queue, request.request_dict, pages, numbers),
            now=time.time(),
            queue=queue,
            about={
                "assembly": document_messages.assembly_message(queue, request.request_dict, embedded, len(numbers)),
                "kind": kind,
                "file": reference,
                "source": source,
                "options": json.dumps(options),
                "outputs": ",".join(job.file_options.outputs),
            },
            meta=json.dumps(_started_record(run)),
            meta_keep=self._keep,
            file_in_redis=reference.startswith(IN_REDIS),
            password=passwords.password_id(job.file_options.password),
        )
        if answer == documents.GONE:
            raise ImageExpired
        run.is_expanded = True
        if answer == documents.EXPANDED_NOW:
            log.info("document opened: task %s, %s, %d of %d pages", run.id, kind, len(numbers), pages.in_file)

    @staticmethod
    def _queue(app: Any, request: Any) -> str:
        """The queue that the document came from, if it is one that this worker reads."""
        queue = request.delivery_info.get("routing_key")
        return queue if queue in app.amqp.queues.consume_from else str(app.conf.task_default_queue)

    def load_page(self, run: PageRun, args: Any, kwargs: Any) -> None:
        """Set the options of a page of a document, and where it is. Blocks while the document's file is fetched."""
        document, number = message.read_page_args(args, kwargs)
        opened = self._documents.opened(document)
        if opened is None:
            raise ImageExpired
        if opened.state != EXPANDED:
            raise Cancelled("The document of this page has ended.")
        run.job = message.page_job(document, number, opened.options, self._defaults)
        run.options = run.job.options
        password = passwords.resolve(
            self._registry.redis, self._registry.keys, passwords.reference(opened.password) if opened.password else None
        )
        with ExitStack() as stack:
            path = stack.enter_context(self._spool.path(opened.file))
            run.document_page = DocumentPage(path, number, password, run.job.file_options.text_layer, stack.pop_all())


def _checked_name(task_id: str) -> str:
    """The name of the task's file. Raises `BadOption` for an id that makes none."""
    name = file_name_of(task_id)
    if not is_name(name):
        raise BadOption(
            "task_id: a document's is at least one and up to 200 characters long; all but a-z, A-Z, 0-9 and - count three."
        )
    return name


def _stored_reference(run: PageRun) -> str:
    """The reference of the file where it lies under the document's own id, for as long as that is not final; else ""."""
    assert run.job is not None
    source = run.job.source
    name = file_name_of(run.id)
    return str(source) if source in (IN_REDIS + name, IN_STORE + name) else ""


def _started_record(run: PageRun) -> dict[str, Any]:
    """Celery's record of a document that is being read."""
    return {
        "status": states.STARTED,
        "result": {"hostname": run.request.hostname},
        "traceback": None,
        "children": [],
        "date_done": None,
        "task_id": run.id,
    }
