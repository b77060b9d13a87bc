"""What other Python services and our own facade use: send pages, and ask how they stand. Needs no engine.

    from ocr_celery import client

    task_id = client.submit_image(open("page.jpg", "rb").read(), prompt="<image>\\nFree OCR.")
    task = client.wait(task_id, timeout=60)
    print(task.status, task.result["text"] if task.result else task.error)

The functions use the settings of the process (REDIS_URL and OCR_…). Celery's own ways work as well: ``app.send_task("ocr.url",
[url])``, groups, chains, chords; see the README.
"""

import time
from collections.abc import Sequence
from functools import cache
from typing import Any

from ocr_celery import cancelling
from ocr_celery.client_settings import load_client_settings
from ocr_celery.core.status import BatchView, Stats, TaskView
from ocr_celery.document_view import PagesView
from ocr_celery.exporting import Exporting
from ocr_celery.lookup import Lookup
from ocr_celery.store import redis_checks
from ocr_celery.submitter import Submitter


class Client(Submitter, Lookup, Exporting):
    """Sends pages, looks them up, cancels them. Safe to share between threads; holds a small pool of connections.

    `settings`: where the service is, and what holds as long as it has not said otherwise in Redis. `service`: they are the
    service's own, as they are in its facade, and hold whatever another part of it says.
    """

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
            ids = self._registry.batch_task_ids([str(batch_id)]).get(str(batch_id), [])
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
