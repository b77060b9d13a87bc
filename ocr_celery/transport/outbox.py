"""Messages that are built without a connection, so that the client can queue them in its admission step.

Celery would open a connection to send them, retry for as long as Redis is unavailable, and subscribe to each result.
Inside `capture()` its producer appends the messages to a list.
"""

import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from celery.signals import after_task_publish, before_task_publish
from kombu import Connection, Producer
from kombu.transport import virtual
from kombu.utils.json import dumps
from kombu.utils.uuid import uuid

from ocr_celery.core.lane_weights import SINGLE
from ocr_celery.store.keys import Keys

if TYPE_CHECKING:
    from celery import Celery

Command = tuple[str, str, str]  #: a command of Redis, its key and its only other argument

#: of the request that sends a page; travels as a header of its message, into the log lines of the page
request_id: ContextVar[str] = ContextVar("request_id", default="")

_outbox: ContextVar[list[Command] | None] = ContextVar("outbox", default=None)
_lane: ContextVar[str] = ContextVar("lane", default=SINGLE)
_own = threading.local()


@contextmanager
def capture(lane: str = SINGLE) -> Iterator[list[Command]]:
    """Collect the messages published inside, as the commands that queue them in this lane (core/lane_weights.py)."""
    outbox: list[Command] = []
    tokens = _outbox.set(outbox), _lane.set(lane)
    try:
        yield outbox
    finally:
        _outbox.reset(tokens[0])
        _lane.reset(tokens[1])


def captured() -> list[Command] | None:
    """What is captured here; None outside `capture()`."""
    return _outbox.get()


def origin_headers(name: str = "") -> dict[str, str]:
    """What a message says of where its page comes from; `name`: what the sender calls the file."""
    known = {"request_id": request_id.get(), "file_name": name[:120]}
    return {key: value for key, value in known.items() if value}


def producer() -> Any:
    """This thread's producer inside `capture()`; None outside."""
    if _outbox.get() is None:
        return None
    if not hasattr(_own, "producer"):
        _own.producer = _Producer(Connection(transport=Transport), auto_declare=False)
    return _own.producer


def push_command(message: dict[str, Any]) -> str:
    """The command that pushes a message into a list: priority 0 waits its turn, anything above goes to the head."""
    return "RPUSH" if (message["properties"].get("priority") or 0) > 0 else "LPUSH"


def queue_command(message: dict[str, Any], queue: str, lane: str) -> Command:
    """The command that queues a message: with priority 0 in its lane, with any above at the head of the queue.

    It belongs into a step that ends with `show_next` (store/lanes.py).
    """
    command = push_command(message)
    return command, queue if command == "RPUSH" else Keys(queue).lane(lane), dumps(message)


def build_message(
    app: "Celery",
    queue: str,
    task: str,
    source: Any,
    options: dict[str, Any],
    *,
    id: str,
    shown: str,
    name: str = "",
    lane: str = SINGLE,
) -> Command:
    """The command that queues one page: the same message as of `app.send_task`, built by the same parts of Celery and kombu.

    Routes, retries and declarations are left out; they take three times as long as all the rest.
    """
    parent = app.current_worker_task  # where a task of another service sends it
    root_id = parent and (parent.request.root_id or parent.request.id)
    known = {"id": id, "shown": shown, "root_id": root_id, "parent_id": parent and parent.request.id}
    return build_task(app, queue, task, [source], options, headers=origin_headers(name), lane=lane, **known)


def build_task(
    app: "Celery",
    queue: str,
    task: str,
    args: list[Any],
    options: dict[str, Any],
    *,
    id: str,
    shown: str,
    root_id: str | None,
    parent_id: str | None,
    headers: dict[str, str],
    lane: str,
) -> Command:
    """The command that queues one task. `headers`: in addition to Celery's."""
    made, properties, body, _ = app.amqp.as_task_v2(
        id,
        task,
        args,
        options,
        argsrepr=f"({shown})",
        kwargsrepr="{}",
        reply_to=app.thread_oid,
        root_id=root_id,
        parent_id=parent_id,
        ignore_result=None,
    )
    properties["delivery_mode"] = 2
    made.update(headers)
    said = {"sender": task, "body": body, "exchange": "", "routing_key": queue, "headers": made}
    before_task_publish.send(**said, properties=properties, declare=[], retry_policy=None)
    message = enveloped(body, made, properties, queue)
    after_task_publish.send(**said)
    return queue_command(message, queue, lane)


def enveloped(body: Any, headers: dict[str, Any], properties: dict[str, Any], queue: str) -> dict[str, Any]:
    """The message as kombu's virtual transports write it."""
    sent = {
        "priority": 0,
        **properties,
        "delivery_info": {"exchange": "", "routing_key": queue},
        "body_encoding": "base64",
        "delivery_tag": uuid(),
    }
    return {
        "body": b64encode(dumps(body).encode()).decode(),
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": headers,
        "properties": sent,
    }


class _Producer(Producer):
    """Declares nothing: the worker declares its queue, and here it would be declared again for each page."""

    def maybe_declare(self, *args: Any, **kwargs: Any) -> None:
        """Do nothing."""


class Channel(virtual.Channel):
    """A channel that appends messages to the outbox."""

    def _put(self, queue: str, message: dict[str, Any], **kwargs: Any) -> None:
        outbox = _outbox.get()
        if outbox is None:
            raise RuntimeError("no outbox is open in this context")
        outbox.append(queue_command(message, queue, _lane.get()))


class Transport(virtual.Transport):
    """A transport without a connection."""

    Channel = Channel

    def __init__(self, client: Any, **kwargs: Any) -> None:
        super().__init__(client, **kwargs)
        self.state = virtual.BrokerState()
