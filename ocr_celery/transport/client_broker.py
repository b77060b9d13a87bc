"""Redis as a client's carrier: kombu's own transport, with the service's way to send to a queue and to purge one.

What has a priority is sent to the head of the queue.

A client takes no pages, so it has no need of `transport/broker.py`, which knows the insides of one version of kombu.
"""

from collections.abc import Callable
from typing import Any

from kombu.transport import TRANSPORT_ALIASES
from kombu.transport import redis as stock
from kombu.utils.json import dumps, loads
from kombu.utils.uuid import uuid

from ocr_celery.store.keys import Keys
from ocr_celery.transport.outbox import push_command

#: kombu names a transport in the URL; a unix socket has no room for one unless it is an alias
_ALIAS = "ocrclient"
_NAME = "ocr_celery.transport.client_broker:Transport"
TRANSPORT_ALIASES[_ALIAS] = _NAME


class Channel(stock.Channel):
    """A channel that sends a page to the one list of its queue.

    `app`: a function that returns the Celery application of the client, whose results a purge writes.
    """

    app: Callable[[], Any]
    from_transport_options = (*stock.Channel.from_transport_options, "app")

    def _put(self, queue: str, message: dict[str, Any], **kwargs: Any) -> None:
        with self.conn_or_acquire() as client:
            client.execute_command(push_command(message), queue, dumps(message))

    def _purge(self, queue: str) -> int:
        from ocr_celery.purge import purge  # few clients do

        backend, keys = self.app().backend, Keys(queue)
        with self.conn_or_acquire() as client:
            return sum(purge(client, name, keys.purged(uuid()), self._parsed, backend) for name in keys.waiting)

    def _parsed(self, text: bytes) -> Any:
        return self.message_to_python(loads(text))


class Transport(stock.Transport):
    """kombu's Redis transport with our channel."""

    Channel = Channel


def url_for(redis_url: str) -> dict[str, str]:
    """Celery's `broker_url` and `broker_transport` for a Redis URL (redis, rediss, or redis+socket for a unix socket)."""
    if redis_url.startswith("redis+socket://"):
        return {"broker_url": redis_url.replace("redis+socket://", f"{_ALIAS}+socket://", 1), "broker_transport": ""}
    return {"broker_url": redis_url, "broker_transport": _NAME}
