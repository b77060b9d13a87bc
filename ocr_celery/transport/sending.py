"""What the service's broker and a client's have in common: how a message enters its queue, and how a queue is purged."""

from typing import Any

from kombu.transport import redis as stock
from kombu.utils.json import dumps, loads
from kombu.utils.uuid import uuid

from ocr_celery.store.keys import Keys
from ocr_celery.store.lanes import read_lanes
from ocr_celery.transport.outbox import push_command


class SendingChannel(stock.Channel):
    """A channel with one list a queue, into which a message with a priority enters at the head."""

    def result_backend(self) -> Any:
        """The backend that stores what became of purged pages."""
        raise NotImplementedError

    def _put(self, queue: str, message: dict[str, Any], **kwargs: Any) -> None:
        with self.conn_or_acquire() as client:
            client.execute_command(push_command(message), queue, dumps(message))

    def _purge(self, queue: str) -> int:
        from ocr_celery.purge import purge  # few programs do

        backend = self.result_backend()
        keys = Keys(queue)
        lists = [self._q_for_pri(queue, priority) for priority in self.priority_steps]
        with self.conn_or_acquire() as client:
            lists = [*read_lanes(client, keys), *lists]
            return purge(client, lists, lambda: keys.purged(uuid()), self._parsed, backend)

    def _parsed(self, text: bytes) -> Any:
        return self.message_to_python(loads(text))


def broker_options(redis_url: str, *, alias: str, transport: str) -> dict[str, str]:
    """Celery's `broker_url` and `broker_transport` for a Redis URL (redis, rediss, or redis+socket for a unix socket).

    `alias`: the transport's name in `TRANSPORT_ALIASES`, since the URL of a unix socket has room for nothing longer.
    """
    if redis_url.startswith("redis+socket://"):
        return {"broker_url": redis_url.replace("redis+socket://", f"{alias}+socket://", 1), "broker_transport": ""}
    return {"broker_url": redis_url, "broker_transport": transport}
