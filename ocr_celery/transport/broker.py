"""The broker of the service's own programs: kombu's Redis transport, with a channel that loses no message (`taking.py`)."""

import logging
from queue import Empty
from typing import Any

from kombu.transport import TRANSPORT_ALIASES
from kombu.transport import redis as stock
from redis.exceptions import OutOfMemoryError

from ocr_celery.transport.kombu_message import parse_message
from ocr_celery.transport.sending import broker_options
from ocr_celery.transport.taking import TakingChannel

log = logging.getLogger(__name__)

#: kombu names a transport in the URL; a unix socket has no room for one unless it is an alias
ALIAS = "ocrredis"
_NAME = "ocr_celery.transport.broker:Transport"
TRANSPORT_ALIASES[ALIAS] = _NAME

_REPLIES = ".pidbox"  #: the suffix of queues that carry replies of remote control
_KEEP_REPLIES = 30  #: seconds


class Channel(TakingChannel):
    """Starts, counts and replies although Redis is full."""

    def _queue_bind(self, exchange: str, routing_key: str, pattern: str, queue: str) -> None:
        """kombu records here to which queues an exchange leads. Tasks are sent directly to their queue, so a worker does not need
        the record if a full Redis refuses it: the worker must start, to empty Redis."""
        try:
            super()._queue_bind(exchange, routing_key, pattern, queue)
        except OutOfMemoryError as exc:
            log.warning("could not bind queue %s to exchange %s: %s", queue, exchange, exc)

    def _get(self, queue: str) -> Any:
        for taken in self._take([queue], 1):
            return parse_message(taken)
        raise Empty()

    def _size(self, queue: str) -> int:
        # kombu uses a transaction, which a full Redis refuses
        with self.conn_or_acquire() as client, client.pipeline(transaction=False) as pipe:
            for key in (*self._lists([queue]), *(self._lanes.waiting if queue == self.service_queue else ())):
                pipe.llen(key)
            return sum(pipe.execute())

    def _put(self, queue: str, message: dict[str, Any], **kwargs: Any) -> None:
        super()._put(queue, message, **kwargs)
        if queue.endswith(_REPLIES):  # the requester may have given up and never fetch the reply
            with self.conn_or_acquire() as client:
                client.expire(queue, _KEEP_REPLIES)

    def result_backend(self) -> Any:
        """The backend of this process's application."""
        from ocr_celery.celery import process_app  # it imports this module by name

        return process_app().backend


class Transport(stock.Transport):
    """kombu's Redis transport with our channel."""

    Channel = Channel


def url_for(redis_url: str) -> dict[str, str]:
    """See `broker_options`."""
    return broker_options(redis_url, alias=ALIAS, transport=_NAME)
