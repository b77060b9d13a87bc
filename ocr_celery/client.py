"""What other Python services and our own facade use: send pages, and ask how they stand. Needs no engine.

    from ocr_celery import client

    task_id = client.submit_image(open("page.jpg", "rb").read(), prompt="<image>\\nFree OCR.")
    task = client.wait(task_id, timeout=60)
    print(task.status, task.result["text"] if task.result else task.error)

The functions use the settings of the process (REDIS_URL and OCR_…). Celery's own ways work as well: ``app.send_task("ocr.url",
[url])``, groups, chains, chords; see the README.
"""

import logging
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cache, partial
from typing import Any
from uuid import uuid4

from ocr_celery import batch, cancelling, message, waiting
from ocr_celery.client_settings import load_client_settings
from ocr_celery.core import url_syntax
from ocr_celery.core.document import page_id
from ocr_celery.core.document_options import checked_options
from ocr_celery.core.file_reference import IN_REDIS, IN_STORE
from ocr_celery.core.status import BatchView, Stats, TaskView
from ocr_celery.document_view import PagesView, document_progress, page_views
from ocr_celery.errors import (
    EmptyFile,
    NotADocument,
    QueueFull,
    ResultExpired,
    ResultUnreadable,
    StoreUnavailable,
    TaskNotFound,
)
from ocr_celery.service_connection import ServiceConnection
from ocr_celery.settings import Settings
from ocr_celery.store import blobs, passwords, redis_checks
from ocr_celery.task_view import expired_view, to_view, warn_damaged
from ocr_celery.transport import outbox

log = logging.getLogger(__name__)

_NEARLY_FULL = 64  #: places; with fewer left, an image is sent only when the counts say that there is one
_BATCH_KEEP = 7 * 86400  #: seconds a batch may take at most; its record then goes like those of its tasks


class Client(ServiceConnection):
    """Sends pages and looks them up. Safe to share between threads; holds a small pool of connections.

    `settings`: where the service is, and what holds as long as it has not said otherwise in Redis. `service`: they are the
    service's own, as they are in its facade, and hold whatever another part of it says.
    """

    def __init__(self, settings: Settings, *, service: bool = False) -> None:
        super().__init__(settings, service=service)
        self._room = 0  # places left in the queue, as last heard from Redis

    # -- sending ---------------------------------------------------------------------------------------------------------

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

        A malformed one is so at once, without a worker.
        All are taken in together or, when the service is full already, none: raises like `submit_image`. A batch may
        exceed OCR_MAX_QUEUE_SIZE. Raises `BadRequest` for URLs of more than 8 MB together.
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
            taken, unfinished = self._registry.admit(ids, messages, limit=limit, **what)
        self._room = limit - unfinished
        if not taken:
            raise QueueFull()

    # -- asking ----------------------------------------------------------------------------------------------------------

    def look_up(self, task_id: str) -> TaskView:
        """How a task stands. Raises `TaskNotFound`, `ResultExpired`, `BrokerUnavailable`.

        One whose record in Redis cannot be read is failed, its error `ResultUnreadable`; the log says why.
        """
        task_id = str(task_id)  # None and numbers name no task; redis-py would refuse them as if Redis had trouble
        with self._broker():
            record = self._registry.get_record(task_id)
        if record is None:
            raise self._unknown_task(task_id)
        warn_damaged([record])
        found = to_view(record)
        if isinstance(found.error, ResultExpired):
            raise found.error
        with self._broker():
            progress = document_progress(self._registry, record, found)
        return replace(found, document=progress) if progress else found

    def look_up_pages(self, document_id: str, *, page_range: str = "", after: int = 0, limit: int = 100) -> PagesView:
        """How the pages of a document stand: those in `page_range` ("" = all) behind page `after`, at most `limit`.

        Raises like `look_up`, `BadPageRange`, and `NotADocument` for a task that is none, or has not been opened yet.
        """
        document = self.look_up(document_id)
        if document.document is None:
            raise NotADocument
        with self._broker():
            return page_views(self._registry, document, page_range=page_range, after=after, limit=limit)

    def look_up_page(self, document_id: str, number: int) -> TaskView:
        """How one page of a document stands. Raises like `look_up_pages`, and `TaskNotFound` for a page that it has not."""
        document = self.look_up(document_id).document
        if document is None:
            raise NotADocument
        if number not in document.pages.numbers:
            raise TaskNotFound(f"No page {number} of the document is read")
        return self.look_up(page_id(document_id, number))

    def look_up_batch(self, batch_id: str) -> BatchView:
        """How a batch and each of its tasks stand, in one round trip and one for 500 tasks.

        Raises `TaskNotFound`, `BrokerUnavailable`, and `ResultUnreadable` where the record that names its tasks cannot be
        read; that of one task is this task's error.
        """
        try:
            with self._broker():
                found = self._registry.get_batch(batch_id)
        except ValueError as exc:
            log.warning("what Redis holds of batch %s cannot be read: %s", batch_id, exc)
            raise ResultUnreadable from None
        if found is None:
            raise self._unknown(
                batch_id, self.keys.task(batch_id), "It is a single page: /ocr/{id} or `client.look_up`."
            )
        created, records = found
        warn_damaged(record for _, _, record in records)
        items = tuple((url, to_view(record) if record else expired_view(tid, created)) for url, tid, record in records)
        updated = max((task.updated_at for _, task in items), default=created)
        return BatchView(id=batch_id, items=items, created_at=created, updated_at=updated)

    def _unknown_task(self, task_id: str) -> TaskNotFound:
        hint = "It is a batch: /ocr/batch/{id} or `client.look_up_batch`."
        return self._unknown(task_id, self.keys.batch(task_id), hint)

    def _unknown(self, id: str, otherwise: str, hint: str) -> TaskNotFound:
        """What to raise, saying so where the id is one of the other kind."""
        with self._broker():
            other = self.redis.exists(otherwise) and not self._cancellation.forgotten(id)
        return TaskNotFound(f"Task {id} not found" + (f". {hint.format(id=id)}" if other else ""))

    def wait(self, task_id: str, *, timeout: float) -> TaskView:
        """The task as soon as it is finished; raises `TimeoutError` if it is not after `timeout` seconds, else like `look_up`.

        Woken by Redis, in one thread for all that wait in this process; where it cannot subscribe, it asks now and then.
        """
        task = waiting.wait_for_task(self, str(task_id), seconds=timeout)
        if not task.status.final:
            raise TimeoutError(f"task {task_id} is still {task.status} after {timeout:g} s")
        return task

    def wait_batch(self, batch_id: str, *, timeout: float) -> BatchView:
        """The batch as soon as all its tasks are finished, else like `wait`. Raises like `look_up_batch`."""
        found = waiting.wait_for_batch(self, str(batch_id), seconds=timeout)
        if not found.status.final:
            raise TimeoutError(f"batch {batch_id} is still {found.status} after {timeout:g} s")
        return found

    # -- cancelling ------------------------------------------------------------------------------------------------------

    def cancel(self, task_id: str) -> TaskView:
        """Cancel a task that is not finished, wherever it is, and answer how it stands: failed, its error `Cancelled`.

        It is final at once, also while no worker is there. A page in the engine leaves it. A finished task stays as it is.
        Raises like `look_up`.
        """
        with self._broker():
            cancelling.cancel_task(self, self._cancellation, str(task_id))
        return self.look_up(task_id)

    def cancel_batch(self, batch_id: str) -> BatchView:
        """Cancel all tasks of a batch that are not finished. ``ocr.collect`` still runs. Raises like `look_up_batch`."""
        with self._broker():
            ids = self._registry.pages_of([str(batch_id)]).get(str(batch_id), [])
            cancelling.cancel_tasks(self, self._cancellation, ids)
        return self.look_up_batch(batch_id)

    def forget(self, task_id: str) -> None:
        """Cancel a task and drop its record, result and image: from now on it is not found. May be repeated.

        Raises `TaskNotFound`, `BrokerUnavailable`.
        """
        with self._broker():
            known = cancelling.forget_task(self, self._cancellation, str(task_id))
        if not known:
            raise self._unknown_task(str(task_id))

    def forget_batch(self, batch_id: str) -> None:
        """The same for a batch with all its tasks. Raises like `forget`, and `ResultUnreadable` like `look_up_batch`."""
        with self._broker():
            known = cancelling.forget_batch(self, self._cancellation, str(batch_id))
        if not known:
            self.look_up_batch(batch_id)  # says what there is instead

    def eviction_policy(self) -> str:
        """Redis's maxmemory-policy, or "unknown". Anything but noeviction loses pages. Raises `BrokerUnavailable`."""
        with self._broker():
            return redis_checks.eviction_policy(self.redis)

    def queues_read_instead(self) -> tuple[str, ...]:
        """The queues of a worker that is there and does not read ours; none where all is well. Raises `BrokerUnavailable`."""
        with self._broker():
            return self.record.queues_read_instead(self.settings.queue, now=time.time())

    def stats(self) -> Stats:
        """How many tasks stand where, and how many workers are ready. Raises `BrokerUnavailable`."""
        limit = self.facts.queue_limit
        with self._broker():
            return self._registry.stats(now=time.time(), limit=limit)


def _check_image_bytes(data: bytes) -> None:
    if not isinstance(data, bytes | bytearray | memoryview):
        raise TypeError(f"data must be the bytes of an image, not {type(data).__name__}: open(path, 'rb').read()")
    if not data:
        raise EmptyFile


# -- the same as functions, for the settings of the process -------------------------------------------------------------


@cache
def default() -> Client:
    """The client for the settings of this process."""
    return Client(load_client_settings())


def store_image(data: bytes) -> str:
    """See `Client.store_image`."""
    return default().store_image(data)


def store_password(password: str) -> dict[str, str]:
    """See `Client.store_password`."""
    return default().store_password(password)


def submit_image(data: bytes, *, name: str = "", **options: Any) -> str:
    """See `Client.submit_image`."""
    return default().submit_image(data, name=name, **options)


def submit_document(data: bytes, *, name: str = "", **options: Any) -> str:
    """See `Client.submit_document`."""
    return default().submit_document(data, name=name, **options)


def submit_url(url: str, **options: Any) -> str:
    """See `Client.submit_url`."""
    return default().submit_url(url, **options)


def submit_batch(urls: Sequence[Any], **options: Any) -> str:
    """See `Client.submit_batch`."""
    return default().submit_batch(urls, **options)


def look_up(task_id: str) -> TaskView:
    """See `Client.look_up`."""
    return default().look_up(task_id)


def look_up_pages(document_id: str, *, page_range: str = "", after: int = 0, limit: int = 100) -> PagesView:
    """See `Client.look_up_pages`."""
    return default().look_up_pages(document_id, page_range=page_range, after=after, limit=limit)


def look_up_page(document_id: str, number: int) -> TaskView:
    """See `Client.look_up_page`."""
    return default().look_up_page(document_id, number)


def look_up_batch(batch_id: str) -> BatchView:
    """See `Client.look_up_batch`."""
    return default().look_up_batch(batch_id)


def wait(task_id: str, *, timeout: float) -> TaskView:
    """See `Client.wait`."""
    return default().wait(task_id, timeout=timeout)


def wait_batch(batch_id: str, *, timeout: float) -> BatchView:
    """See `Client.wait_batch`."""
    return default().wait_batch(batch_id, timeout=timeout)


def cancel(task_id: str) -> TaskView:
    """See `Client.cancel`."""
    return default().cancel(task_id)


def cancel_batch(batch_id: str) -> BatchView:
    """See `Client.cancel_batch`."""
    return default().cancel_batch(batch_id)


def forget(task_id: str) -> None:
    """See `Client.forget`."""
    default().forget(task_id)


def forget_batch(batch_id: str) -> None:
    """See `Client.forget_batch`."""
    default().forget_batch(batch_id)


def stats() -> Stats:
    """See `Client.stats`."""
    return default().stats()
