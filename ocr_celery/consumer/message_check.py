"""Celery's consumer, which checks each message before Celery acts on it: no message can end a worker.

A message that Celery's senders would not have made, or that makes Celery raise, is put aside whole; its task fails as far as
it can be identified, and the next message is read. None of its content is logged.
"""

import logging
from collections.abc import Callable, Mapping
from typing import Any, cast

from celery import states
from celery.app.task import Context
from celery.exceptions import NotRegistered
from celery.worker import consumer
from vine import promise

from ocr_celery.consumer import task_headers
from ocr_celery.errors import MalformedMessage
from ocr_celery.store.transient_errors import is_transient
from ocr_celery.transport import taking

log = logging.getLogger(__name__)


class Consumer(consumer.Consumer):
    """Celery's consumer with a check of each message. Its methods run in the main thread."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        taking.before_put_aside = self._fail

    def create_task_handler(self, promise: Any = promise) -> Callable[[Any], Any]:
        """Return the function that is called with each message."""
        receive = super().create_task_handler(promise)

        def receive_or_put_aside(message: Any) -> None:
            try:
                why = _fault(message)
                if not why:
                    receive(message)
            except Exception as exc:
                if is_transient(exc) or isinstance(exc, OSError):
                    raise  # Redis is away: the message is requeued
                why = f"{type(exc).__name__} in Celery"
                log.debug("malformed message", exc_info=True)
            if why:
                message.channel.put_aside(message.delivery_tag, message.headers, why)

        return receive_or_put_aside

    def on_decode_error(self, message: Any, exc: Exception) -> None:
        """See Celery's, which would log the body."""
        message.channel.put_aside(message.delivery_tag, message.headers, f"{type(exc).__name__} when it was decoded")

    def on_invalid_task(self, body: Any, message: Any, exc: Exception) -> None:
        """See Celery's, which would log the body."""
        message.channel.put_aside(message.delivery_tag, message.headers, f"Celery refuses it ({type(exc).__name__})")

    def on_unknown_message(self, body: Any, message: Any) -> None:
        """See Celery's, which would log the headers."""
        message.channel.put_aside(message.delivery_tag, message.headers, "it names no task")

    def on_unknown_task(self, body: Any, message: Any, exc: Exception) -> None:
        """See Celery's, which would log headers and body."""
        name = str(message.headers.get("task"))[:120]
        log.error("unknown task: %s, rejected; was it sent to the right queue?", name)
        self._store_failure(message.headers, NotRegistered(name))
        message.reject_log_error(log, self.connection_errors)

    def _fail(self, headers: Mapping[str, Any]) -> None:
        self._store_failure(headers, MalformedMessage())

    def _store_failure(self, headers: Mapping[str, Any], error: Exception) -> None:
        """Fail the task, as far as the message identifies it. Raises where Redis is away."""
        id, task = headers.get("id"), headers.get("task")
        if not isinstance(id, str) or not id or not isinstance(task, str):
            return
        backend = self.app.backend
        try:
            result = backend.encode_result(error, states.FAILURE)
            backend._store_result(id, result, states.FAILURE, request=Context({"id": id, "task": task}))
        except Exception as exc:
            if is_transient(exc):
                raise
            log.warning("could not store a failure: %s, %s", type(error).__name__, type(exc).__name__)


def _fault(message: Any) -> str:
    """What is wrong with a message; empty where Celery can take it."""
    headers = message.headers
    if not isinstance(headers.get("task"), str | None):
        return "task is no text"
    try:
        payload = message.payload
    except Exception as exc:
        return f"{type(exc).__name__} when it was decoded"
    if "task" not in headers and not (isinstance(payload, dict) and "task" in payload):
        return "it names no task"
    return task_headers.fault(headers, cast(Mapping[str, Any], message.properties), payload)
