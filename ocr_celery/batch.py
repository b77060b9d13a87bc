"""A batch as it is sent: one chord of the pages with well-formed URLs, and an immediate failure for each malformed URL.

No worker is needed to refuse a malformed URL, so it is never queued; the task that collects the batch gets its error.
"""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from celery import chord  # not on first use: Celery's lazy import is not thread-safe

from ocr_celery import message, task_results
from ocr_celery.core import batch_limits, url_syntax
from ocr_celery.core.lane_weights import BULK
from ocr_celery.errors import BadUrl
from ocr_celery.store import shared_prompt
from ocr_celery.store.keys import Keys
from ocr_celery.transport import outbox

if TYPE_CHECKING:
    from celery import Celery


class Batch:
    """The pages behind these URLs, read with the same options; each has a task id, and so has the whole.

    `options`: those that the sender gave, checked. Raises `BadRequest` where the URLs take too much together.
    """

    def __init__(self, urls: Sequence[Any], options: dict[str, Any]) -> None:
        self.id = str(uuid4())
        self.errors = {index: error for index, url in enumerate(urls) if (error := _error(url))}
        self.urls = [batch_limits.shorten_item(url) if index in self.errors else url for index, url in enumerate(urls)]
        batch_limits.check_size(self.urls)
        self.ids = [str(uuid4()) for _ in self.urls]
        prompt = options.get("prompt") or ""
        self._shared = prompt if shared_prompt.is_shared(prompt, len(self.urls)) else ""
        self.options = {**options, "prompt": shared_prompt.reference(self.id)} if self._shared else options

    @property
    def sources(self) -> list[str]:
        """The redacted source of each page."""
        return ["" if index in self.errors else _shown(url) for index, url in enumerate(self.urls)]

    def record(self, created_at: float) -> str:
        """The record of the batch, see `Keys.batch`."""
        return json.dumps({"created_at": created_at, "ids": self.ids, "urls": json.dumps(self.urls)})

    def refused(self, now: float) -> dict[str, str]:
        """Celery's record of each page that is not sent, by its id."""
        return {
            self.ids[index]: task_results.failed_record(self.ids[index], error, now)
            for index, error in self.errors.items()
        }

    def queue_commands(self, app: "Celery", keys: Keys) -> list[outbox.Command]:
        """The commands that queue the accepted pages and the task that collects the batch."""
        prompt = shared_prompt.commands(keys, self.id, self._shared) if self._shared else []
        return prompt + self._queued(app, keys.queue)

    def _queued(self, app: "Celery", queue: str) -> list[outbox.Command]:
        refused = [[n, task_results.failed_part(self.ids[n], "FAILURE", error)] for n, error in self.errors.items()]
        told: dict[str, Any] = {"refused": refused} if refused else {}
        shown = f"{len(self.ids)} outcomes,"
        if len(self.errors) == len(self.ids):
            return [outbox.build_message(app, queue, message.COLLECT, [], told, id=self.id, shown=shown)]
        body = app.signature(message.COLLECT, kwargs=told, priority=9, argsrepr=f"({shown})", kwargsrepr="{}")
        body.set(task_id=self.id, queue=queue)
        with outbox.capture(lane=BULK) as messages:
            chord(self._header(app, queue), body, app=app).apply_async()
        return messages

    def _header(self, app: "Celery", queue: str) -> list[Any]:
        return [
            app.signature(
                message.URL,
                args=[url],
                kwargs=self.options,
                task_id=id,
                queue=queue,
                headers=outbox.origin_headers(),
                argsrepr=f"({_shown(url)})",
                kwargsrepr="{}",
            )
            for index, (id, url) in enumerate(zip(self.ids, self.urls, strict=True))
            if index not in self.errors
        ]


def _shown(url: Any) -> str:
    return message.redacted(message.URL, url)


def _error(url: Any) -> BadUrl | None:
    try:
        url_syntax.check_url(url)
    except BadUrl as exc:
        return exc
    return None
