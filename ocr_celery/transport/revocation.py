"""Tells the workers that tasks were revoked: one PUBLISH on the connections that asked for it, best effort.

`app.control.revoke` would open a connection of its own, and try again for as long as Redis is away; a caller that cancels must
not wait for that. The message is made by kombu, which both ends have.
"""

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from kombu import Connection
from kombu.pidbox import Mailbox
from kombu.transport import virtual
from kombu.utils.json import dumps
from redis.exceptions import RedisError

if TYPE_CHECKING:
    from celery import Celery
    from redis import Redis

log = logging.getLogger(__name__)

_IDS_PER_MESSAGE = 1000


def broadcast_revocation(redis: "Redis", app: "Celery", ids: Sequence[str]) -> None:
    """Have every worker of this Redis drop these tasks, also from its engine. Raises nothing where Redis does not answer.

    `app`: of whose workers, by `control_exchange`.
    """
    db = redis.connection_pool.connection_kwargs.get("db") or 0
    try:
        for at in range(0, len(ids), _IDS_PER_MESSAGE):
            for exchange, message in _messages(app.conf.control_exchange, ids[at : at + _IDS_PER_MESSAGE]):
                redis.publish(f"/{db}.{exchange}", message)
    except RedisError as exc:
        log.warning("cancellation not broadcast: %d tasks, workers find it in Redis: %s", len(ids), exc)


def _messages(namespace: str, ids: Sequence[str]) -> list[tuple[str, str]]:
    """(exchange, message) of the broadcast, as kombu's virtual transports write it."""
    transport_messages: list[tuple[str, str]] = []
    with Connection(transport=_Transport, transport_options={"sent": transport_messages}) as connection:
        mailbox = Mailbox(namespace, type="fanout", accept=["json"], serializer="json")(connection)
        asked = {"task_id": list(ids), "terminate": True, "signal": "SIGTERM"}
        mailbox._broadcast("revoke", asked)
    return transport_messages


class _Channel(virtual.Channel):
    """A channel that keeps what is broadcast."""

    supports_fanout = True

    def _put_fanout(self, exchange: str, message: dict[str, Any], routing_key: str, **kwargs: Any) -> None:
        self.connection.client.transport_options["sent"].append((exchange, dumps(message)))


class _Transport(virtual.Transport):
    """A transport without a connection."""

    Channel = _Channel

    def __init__(self, client: Any, **kwargs: Any) -> None:
        super().__init__(client, **kwargs)
        self.state = virtual.BrokerState()
