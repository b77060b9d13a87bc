"""The broker of the service's own programs: kombu's Redis transport, with a channel that loses no message (`taking.py`)."""

import logging
from queue import Empty
from typing import Any

from kombu.transport import TRANSPORT_ALIASES
from kombu.transport import redis as stock
from kombu.utils.json import dumps, loads
from kombu.utils.uuid import uuid
from redis.exceptions import OutOfMemoryError

from ocr_celery.store.keys import Keys
from ocr_celery.transport.kombu_message import parse_message
from ocr_celery.transport.outbox import push_command
from ocr_celery.transport.taking import TakingChannel

log = logging.getLogger(__name__)

#: kombu names a transport in the URL; a unix socket has no room for one unless it is an alias
ALIAS = "ocrredis"
TRANSPORT_ALIASES[ALIAS] = "ocr_celery.transport.broker:Transport"

_REPLIES = ".pidbox"  #: the suffix of queues that carry replies of remote control
_KEEP_REPLIES = 30  #: seconds


class Channel(TakingChannel):
    """What is sent, counted and purged."""

    def _queue_bind(self, exchange: str, routing_key: str, pattern: str, queue: str) -> None:
        """kombu records here to which queues an exchange leads. Tasks are sent directly to their queue, so a worker does not need
        the record if a full Redis refuses it: the worker must start, to empty Redis."""
        try:
            super()._queue_bind(exchange, routing_key, pattern, queue)
        except OutOfMemoryError as exc:
            log.warning("%s is not bound to %s: Redis says: %s", queue, exchange, exc)

    def _get(self, queue: str) -> Any:
        for taken in self._take([queue], 1):
            return parse_message(taken)
        raise Empty()

    def _size(self, queue: str) -> int:
        # kombu uses a transaction, which a full Redis refuses
        with self.conn_or_acquire() as client, client.pipeline(transaction=False) as pipe:
            for key in self._lists([queue]):
                pipe.llen(key)
            return sum(pipe.execute())

    def _put(self, queue: str, message: dict[str, Any], **kwargs: Any) -> None:
        with self.conn_or_acquire() as client:
            client.execute_command(push_command(message), queue, dumps(message))
            if queue.endswith(_REPLIES):  # the requester may have given up and never fetch the reply
                client.expire(queue, _KEEP_REPLIES)

    def _purge(self, queue: str) -> int:
        from ocr_celery.celery import process_app  # a program that only sends has no use for either
        from ocr_celery.purge import purge

        backend = process_app().backend
        lists = [self._q_for_pri(queue, priority) for priority in self.priority_steps]
        with self.conn_or_acquire() as client:
            return sum(purge(client, name, Keys(queue).purged(uuid()), self._parsed, backend) for name in lists)

    def _parsed(self, text: bytes) -> Any:
        return self.message_to_python(loads(text))


class Transport(stock.Transport):
    """kombu's Redis transport with our channel."""

    Channel = Channel


def url_for(redis_url: str) -> dict[str, str]:
    """Celery's `broker_url` and `broker_transport` for a Redis URL (redis, rediss, or redis+socket for a unix socket)."""
    if redis_url.startswith("redis+socket://"):
        return {"broker_url": redis_url.replace("redis+socket://", f"{ALIAS}+socket://", 1)}
    return {"broker_url": redis_url, "broker_transport": "ocr_celery.transport.broker:Transport"}
