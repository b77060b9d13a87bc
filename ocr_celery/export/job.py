"""The job that formats are given: the result as Redis has it, page by page, and pictures of its file from a decoding child."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, cast

from ocr_celery.client import Client
from ocr_celery.consumer.spool import Spool
from ocr_celery.core.export_request import ExportRequest
from ocr_celery.core.file_keeping import file_name_of
from ocr_celery.core.file_reference import IN_STORE
from ocr_celery.core.result_formats import ResultHead
from ocr_celery.core.result_page import ResultPage
from ocr_celery.core.status import Status, TaskView
from ocr_celery.decode.header import read_header
from ocr_celery.decode.job import DecodeResult
from ocr_celery.decode.pool import DecoderPool
from ocr_celery.errors import FileNotKept, ImageExpired, Internal, OcrError
from ocr_celery.export.contract import SourceKind
from ocr_celery.store.files.contract import is_name

if TYPE_CHECKING:
    from PIL.Image import Image

#: seconds since the end of a task for which its file is waited for: a worker may be about to store it, behind others
_GRACE = 60.0
_PAUSE = 0.2  #: seconds between two looks


class StoredJob:
    """See `ExportJob`. `alive`: called between pages; raises where the job is to end. `stack`: is closed when it ends."""

    password = ""  # it is deleted when its task ends

    def __init__(
        self,
        request: ExportRequest,
        view: TaskView,
        *,
        client: Client,
        spool: Spool,
        decoder: DecoderPool,
        folder: Path,
        stack: ExitStack,
        alive: Callable[[], None],
    ) -> None:
        document = view.document
        self.head = ResultHead(
            view.id,
            view.status,
            is_document=document is not None,
            is_partial=document is not None and document.counts.get(Status.COMPLETED, 0) < document.total,
            title=Path(view.source.replace("\\", "/")).stem,
        )
        self.source, self.options, self.folder = view.source, request.options, folder
        self.max_pixels = decoder.max_pixels
        self._view, self._client, self._spool, self._decoder = view, client, spool, decoder
        self._stack, self._alive = stack, alive

    def check(self) -> None:
        """See `ExportJob`."""
        self._alive()

    def pages(self) -> Iterator[ResultPage]:
        """See `ExportJob`."""
        self._alive()
        if self._view.document is None:
            yield ResultPage.alone(self._view.result)
            return
        for page in self._client.page_results(self._view):
            yield page
            self._alive()

    def page(self, number: int) -> ResultPage:
        """See `ExportJob`."""
        if self._view.document is None:
            return ResultPage.alone(self._view.result)
        view = self._client.look_up_page(self._view.id, number)
        return ResultPage(number, view.result or view.error)

    def picture(self, number: int) -> "Image":
        """See `ExportJob`."""
        self._alive()
        path, found = self.source_path(), Future[DecodeResult]()
        if self.kind == "image":
            self._decoder.submit(path.read_bytes(), found.set_result)
        else:
            self._decoder.submit_page(path, number, found.set_result, password=self.password, text_layer="ignore")
        page = found.result()
        self._alive()
        if isinstance(page, OcrError):
            raise page
        if page is None:
            raise Internal  # the pool is closed
        return page.image

    @cached_property
    def kind(self) -> SourceKind:
        """See `ExportJob`."""
        with self.source_path().open("rb") as file:
            header = read_header(file, max_pixels=self.max_pixels)
        return cast(SourceKind, header.format.lower()) if header.is_document else "image"

    def source_path(self) -> Path:
        """See `ExportJob`."""
        return self._source

    @cached_property
    def _source(self) -> Path:
        name = file_name_of(self._view.id)
        if not is_name(name):
            raise FileNotKept
        grace = _GRACE if self._client.settings.keep_files else 0.0
        left = self._view.updated_at + grace - time.time()
        end = time.monotonic() + min(left, grace)  # the clock of the machine that noted `updated_at` may be ahead
        while True:
            try:
                return self._stack.enter_context(self._spool.path(IN_STORE + name))
            except ImageExpired:
                if time.monotonic() >= end:
                    raise FileNotKept from None
            self._alive()
            time.sleep(_PAUSE)
