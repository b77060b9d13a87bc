"""Redis as a client's carrier: kombu's own transport, which sends to the head of the queue what has a priority.

A client takes no pages, so it has no need of `transport/broker.py`, which knows the insides of one version of kombu.
"""

from typing import Any

from kombu.transport import TRANSPORT_ALIASES
from kombu.transport import redis as stock
from kombu.utils.json import dumps

from ocr_celery.transport.outbox import queueing

#: kombu names a transport in the URL; a unix socket has no room for one unless it is an alias
_ALIAS = "ocrclient"
_NAME = "ocr_celery.transport.client_broker:Transport"
TRANSPORT_ALIASES[_ALIAS] = _NAME


class Channel(stock.Channel):
    """A channel that sends a page to the one list of its queue."""

    def _put(self, queue: str, message: dict[str, Any], **kwargs: Any) -> None:
        with self.conn_or_acquire() as client:
            client.execute_command(queueing(message), queue, dumps(message))


class Transport(stock.Transport):
    """kombu's Redis transport with our channel."""

    Channel = Channel


def url_for(redis_url: str) -> dict[str, str]:
    """Celery's `broker_url` and `broker_transport` for a Redis URL (redis, rediss, or redis+socket for a unix socket)."""
    if redis_url.startswith("redis+socket://"):
        return {"broker_url": redis_url.replace("redis+socket://", f"{_ALIAS}+socket://", 1), "broker_transport": ""}
    return {"broker_url": redis_url, "broker_transport": _NAME}
