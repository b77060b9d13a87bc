"""The part of the client that sends pages and documents; it takes them in by one step in Redis, or refuses them."""

import time
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import Any
from uuid import uuid4

from ocr_celery import batch, message
from ocr_celery.core import url_syntax
from ocr_celery.core.document_options import checked_options
from ocr_celery.core.file_reference import IN_REDIS, IN_STORE
from ocr_celery.errors import EmptyFile, QueueFull, StoreUnavailable
from ocr_celery.service_connection import ServiceConnection
from ocr_celery.settings import Settings
from ocr_celery.store import blobs, passwords
from ocr_celery.transport import outbox

_NEARLY_FULL = 64  #: pages; where fewer still fit, an image is sent only when the counts say that there is room
_BATCH_KEEP = 7 * 86400  #: seconds a batch may take at most; its record then goes like those of its tasks


class Submitter(ServiceConnection):
    """See `Client`."""

    def __init__(self, settings: Settings, *, service: bool = False) -> None:
        super().__init__(settings, service=service)
        self._room = 0  # pages that the queue still takes, as last heard from Redis

    def store_image(self, data: bytes) -> str:
        """Store an image and return a reference to it, which ``ocr.image`` takes in place of the bytes.

        It is kept as long as the service keeps a result. Raises `EmptyFile`, `BrokerUnavailable`, and `TypeError` for anything
        but bytes.
        """
        _check_image_bytes(data)
        ttl = self.facts.task_ttl
        with self._broker():
            return blobs.put(self.redis, self.keys, data, ttl=ttl)

    def store_password(self, password: str) -> dict[str, str]:
        """Store the password of a document and return a reference to it, which tasks take as their option `password`.

        It is kept for a week at most. Raises `BrokerUnavailable`.
        """
        id = str(uuid4())
        with self._broker():
            self.redis.set(self.keys.password(id), password, ex=passwords.KEEP)
        return passwords.reference(id)

    def submit_image(self, data: bytes, *, name: str = "", **options: Any) -> str:
        """Send one image to be read and return its task id. `name`: shown in Flower and logs.

        Raises `BadOption`, `EmptyFile`, `QueueFull` (nothing was taken in; try again later), `BrokerUnavailable`,
        `StoreFull` and `StoreUnavailable` where the service's files lie elsewhere than in Redis, and `TypeError` for
        anything but bytes.
        """
        return self._submit_file(message.IMAGE, data, name, options)

    def submit_document(self, data: bytes, *, name: str = "", **options: Any) -> str:
        """Send a file that may have several pages, PDF or TIFF, and return its task id; an image is read as well.

        `name`: shown in Flower and logs. Options beside those of a page: `page_range`, `password`, `text_layer`. Raises like
        `submit_image`, and `BadPageRange`.
        """
        return self._submit_file(message.DOCUMENT, data, name, options)

    def _submit_file(self, task: str, data: bytes, name: str, options: dict[str, Any]) -> str:
        _check_image_bytes(data)
        self._refuse_early()
        return self._send_file(task, data, options, name)

    def submit_url(self, url: str, **options: Any) -> str:
        """Send the image behind a URL to be read and return its task id.

        Raises `BadUrl` for what is no http or https address, and like `submit_image`.
        """
        url_syntax.check_url(url)
        id = str(uuid4())
        shown = message.redacted(message.URL, url)
        self._send(message.URL, url, options, id, shown=shown, recorded=shown)
        return id

    def submit_batch(self, urls: Sequence[Any], **options: Any) -> str:
        """Send many URLs as one batch and return its id; a bad URL becomes a failed item and harms no other.

        A malformed one fails at once, without a worker. All are taken in together or, when the service is full already, none:
        raises like `submit_image`. A batch may exceed OCR_MAX_QUEUE_SIZE. Raises `BadRequest` for URLs of more than 8 MB
        together, and `ValueError` for an empty list or a string.
        """
        if not urls or isinstance(urls, str):
            raise ValueError("a batch needs a list with at least one URL")
        checked, password = checked_options(options)
        sent = batch.Batch(urls, checked)
        stored = self._store_password(sent.id, password, sent.options)
        with self._broker():
            messages = stored + sent.queue_commands(self.app, self.keys)
        now = time.time()
        record = (sent.id, sent.record(now), _BATCH_KEEP)
        known = {"sources": sent.sources, "refused": sent.refused(now), "meta_keep": self.facts.task_ttl}
        self._accept(sent.ids, messages, now=now, batch=record, **known)
        return sent.id

    def _send_file(self, task: str, data: bytes, options: dict[str, Any], name: str) -> str:
        """Send an uploaded file and return its task id. Into Redis it travels with its admission, in one round trip."""
        id = str(uuid4())
        send = partial(self._send, task, options=options, id=id, name=name, recorded=message.plain(name))
        shown = f"{name[:60]!r}, {len(data)} bytes"
        store = self.upload_store
        if store is None:
            send(IN_REDIS + id, shown=shown, blob=data)
            return id
        with self._broker():
            store.put(id, data)
        try:
            send(IN_STORE + id, shown=shown)
        except QueueFull:
            # after any other error the file stays: it may have been admitted, else the sweeper deletes it
            with suppress(StoreUnavailable):
                store.delete(id)
            raise
        return id

    def _send(
        self,
        task: str,
        source: Any,
        options: dict[str, Any],
        id: str,
        *,
        shown: str,
        recorded: str,
        name: str = "",
        blob: bytes = b"",
    ) -> None:
        """`shown`: of the source in Celery's tools; `recorded`: in the task's record."""
        checked, password = checked_options(options)
        stored = self._store_password(id, password, checked)
        known = {"id": id, "shown": shown, "name": name}
        queued = outbox.build_message(self.app, self.settings.queue, task, source, checked, **known)
        self._accept([id], [*stored, queued], now=time.time(), blob=blob, sources=[recorded])

    def _store_password(self, id: str, password: str, options: dict[str, Any]) -> list[outbox.Command]:
        """Put a reference to the password into the options. Returns the commands that store it, if there is one."""
        if not password:
            return []
        options["password"] = passwords.reference(id)
        return passwords.commands(self.keys, id, password)

    def _refuse_early(self) -> None:
        """Raise `QueueFull` before an image travels to Redis, which would keep it for a moment and refuse it.

        Only near the limit, as asking takes a round trip: who is taken in is decided when the image is there.
        """
        if self._room > _NEARLY_FULL:
            return
        limit = self.facts.queue_limit
        with self._broker():
            self._room = limit - self._registry.unfinished()
        if self._room <= 0:
            raise QueueFull()

    def _accept(self, ids: list[str], messages: list[outbox.Command], **what: Any) -> None:
        limit = self.facts.queue_limit
        with self._broker():
            taken, unfinished = self._registry.admission.admit(ids, messages, limit=limit, **what)
        self._room = limit - unfinished
        if not taken:
            raise QueueFull()


def _check_image_bytes(data: bytes) -> None:
    if not isinstance(data, bytes | bytearray | memoryview):
        raise TypeError(f"data must be the bytes of an image, not {type(data).__name__}: open(path, 'rb').read()")
    if not data:
        raise EmptyFile
