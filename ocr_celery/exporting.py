"""The part of the client that asks for exports: files that an exporter makes of a result, beside the engine."""

import time
from collections.abc import Iterator
from functools import cached_property

from ocr_celery.core.export_request import ExportRequest
from ocr_celery.core.export_status import ExportStatus
from ocr_celery.core.status import Status
from ocr_celery.errors import FormatNotAvailable, NoExporter, TaskNotFound
from ocr_celery.service_connection import ServiceConnection
from ocr_celery.store.exports import Exports
from ocr_celery.store.files.contract import FileStore, NoSuchFile
from ocr_celery.transport.export_messages import export_message

_NOT_KEPT = (
    "This format shows the pages of the file, and this service keeps no files: OCR_STORE is Redis. Set it to a folder or to S3, "
    "or ask for md, text, json, html, raw, chunks, csv or xlsx."
)


class Exporting(ServiceConnection):
    """See `Client`."""

    @cached_property
    def _exports(self) -> Exports:
        return Exports(self.redis, self.keys, keep=self.settings.task_ttl)

    def request_export(self, export: ExportRequest) -> ExportStatus:
        """Ask for an export, which is queued unless it waits or is made already, and answer how it stands. May be repeated.

        Raises `FormatNotAvailable` where the service keeps no files, `NoExporter` where no exporter is running, `TaskNotFound`,
        `NoResult` where it needs a result and the task has none, `QueueFull`, `BrokerUnavailable`.
        """
        self._store_of_exports()
        with self._broker():
            known = self._exports.look_up(export)
            if known is not None and known.status is Status.COMPLETED:
                return known
            now = time.time()
            if not self._exports.exporters(now=now):
                raise NoExporter
            made = export_message(self.app, self.keys.of_exporters.queue, export)
            found = self._exports.ask(export, made, now=now)
        if found is None:
            raise TaskNotFound(f"Task {export.task_id} not found")
        return found

    def export_file(self, export: ExportRequest) -> tuple[int, Iterator[bytes]] | None:
        """The size and the bytes of an export that is made; None where its file is gone, so that it has to be asked for again.

        Raises `FormatNotAvailable`, `StoreUnavailable`, `BrokerUnavailable`.
        """
        store = self._store_of_exports()
        try:
            return store.pieces(export.file_name)
        except NoSuchFile:
            with self._broker():
                self._exports.discard(export)
            return None

    def _store_of_exports(self) -> FileStore:
        store = self.upload_store
        if store is None:
            raise FormatNotAvailable(_NOT_KEPT)
        return store
