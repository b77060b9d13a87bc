"""Redis as the carrier, without the moments in which kombu's own transport can lose a message.

Taking: kombu pops a message and records it as unacknowledged in two steps; a process killed between them loses it. Here a
waiting worker uses ``BLMOVE queue queue RIGHT RIGHT``, which removes nothing, and then takes as many messages as it has
room for in one Lua step that records each under the node's own key. `store/unacked.py` gives back what is not worked on.

Sending: inside `collected()` messages are kept instead of sent, so that the client can count, record, store and queue
a page (or a thousand) in one step of its own.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from queue import Empty
from time import monotonic
from typing import Any

from kombu.transport import TRANSPORT_ALIASES
from kombu.transport import redis as stock
from kombu.transport.virtual import base as virtual
from kombu.utils.encoding import bytes_to_str
from kombu.utils.json import dumps, loads

#: kombu names a transport in the URL; a unix socket has no room for one unless it is an alias
ALIAS = "ocrredis"
TRANSPORT_ALIASES[ALIAS] = "ocr_celery.broker:Transport"

#: KEYS: the unacknowledged hash, then queues in the order in which they are served. ARGV: most messages to take.
#: The record is kombu's own, with the queue itself as its address, so that restoring needs no binding.
_TAKE = """
local taken, room = {}, tonumber(ARGV[1])
for i = 2, #KEYS do
  while #taken < room * 2 do
    local message = redis.call('RPOP', KEYS[i])
    if not message then break end
    local known, tag = pcall(function() return cjson.decode(message).properties.delivery_tag end)
    if known and tag then
      redis.call('HSET', KEYS[1], tag, '[' .. message .. ',"",' .. cjson.encode(KEYS[i]) .. ']')
      taken[#taken + 1] = KEYS[i]
      taken[#taken + 1] = message
    else
      redis.call('LPUSH', KEYS[i] .. '.unreadable', message)
    end
  end
end
return taken
"""

_outbox: ContextVar[list[tuple[str, str, str]] | None] = ContextVar("outbox", default=None)


@contextmanager
def collected() -> Iterator[list[tuple[str, str, str]]]:
    """Keep what is published inside as ``(command, key, payload)``: LPUSH or RPUSH to a queue, PUBLISH to a topic."""
    outbox: list[tuple[str, str, str]] = []
    token = _outbox.set(outbox)
    try:
        yield outbox
    finally:
        _outbox.reset(token)


class QoS(stock.QoS):
    """One hash per node holds what is unacknowledged; `store.unacked` alone gives back from it."""

    restore_at_shutdown = False  # kombu would when a channel closes: also of a lost connection, whose pages are kept

    def append(self, message: Any, delivery_tag: str) -> None:
        virtual.QoS.append(self, message, delivery_tag)  # recorded in Redis when it was taken

    def restore_visible(self, *args: Any, **kwargs: Any) -> None:
        """No visibility timeout: a page may wait and be read for as long as it takes."""

    def _remove_from_indices(self, delivery_tag: str, pipe: Any = None) -> Any:
        with self.pipe_or_acquire(pipe) as pipe:
            return pipe.hdel(self.unacked_key, delivery_tag)


class Channel(stock.Channel):
    """A channel that takes messages in one step, and holds those published inside `collected()`."""

    QoS = QoS
    _remembered: dict[str, Any] | None = None

    def _connparams(self, asynchronous: bool = False) -> dict[str, Any]:
        """Remembered, so that a page that came over a connection can be acknowledged when that is lost and closed."""
        if asynchronous:
            return dict(super()._connparams(asynchronous=True))
        if self._remembered is None:
            self._remembered = super()._connparams()
        return dict(self._remembered)

    def _brpop_start(self, timeout: float | None = None) -> None:
        queues = self._queue_cycle.consume(len(self.active_queues))
        if not queues:
            return
        self._in_poll = self.client.connection
        self._brpop_sent_at = monotonic()
        wait = self.brpop_timeout if timeout is None else timeout
        self.client.connection.send_command("BLMOVE", queues[0], queues[0], "RIGHT", "RIGHT", wait)

    def _brpop_read(self, **options: Any) -> bool:
        """Take what there is room for, also after a wait in vain: a lower priority has a list of its own."""
        try:
            try:
                self.client.parse_response(self.client.connection, "BLMOVE", **options)
            except self.connection_errors:
                self.client.connection.disconnect()
                raise
            if self._closing:
                raise Empty()
            room = self.qos.can_consume_max_estimate()
            messages = self._take(self.active_queues, 64 if room is None else room)
            if not messages:
                raise Empty()
            for queue, message in messages:
                self.connection._deliver(loads(message), queue)
            return True
        finally:
            self._in_poll = None

    def _take(self, queues: list[str], room: int) -> list[tuple[str, str]]:
        keys = [self._q_for_pri(queue, priority) for priority in self.priority_steps for queue in queues]
        with self.conn_or_acquire() as client:
            found = client.eval(_TAKE, len(keys) + 1, self.unacked_key, *keys, room)
        flat = [bytes_to_str(item) for item in found]
        return [(key.rsplit(self.sep, 1)[0], message) for key, message in zip(flat[::2], flat[1::2], strict=True)]

    def _get(self, queue: str) -> Any:
        for _, message in self._take([queue], 1):
            return loads(message)
        raise Empty()

    def _put(self, queue: str, message: dict[str, Any], **kwargs: Any) -> None:
        # priority 0 waits its turn, anything above goes to the head of the queue: one list, one order, two lanes
        command = "RPUSH" if (message["properties"].get("priority") or 0) > 0 else "LPUSH"
        outbox = _outbox.get()
        if outbox is not None:
            outbox.append((command, queue, dumps(message)))
            return
        with self.conn_or_acquire() as client:
            client.execute_command(command, queue, dumps(message))

    def _put_fanout(self, exchange: str, message: dict[str, Any], routing_key: str, **kwargs: Any) -> None:
        outbox = _outbox.get()
        if outbox is None:
            super()._put_fanout(exchange, message, routing_key, **kwargs)
        else:
            payload = dumps(message)
            outbox.extend(("PUBLISH", t, payload) for t in self._get_publish_topics(exchange, routing_key))

    def _do_restore_message(
        self, payload: Any, exchange: str, routing_key: str, pipe: Any, leftmost: bool = False
    ) -> None:
        # what comes back goes to the head, oldest first in line again
        payload["headers"]["redelivered"] = True
        payload["properties"]["delivery_info"]["redelivered"] = True
        pipe.rpush(routing_key, dumps(payload))


class Transport(stock.Transport):
    """kombu's Redis transport with our channel."""

    Channel = Channel


def url_for(redis_url: str) -> dict[str, str]:
    """Celery's `broker_url` and `broker_transport` for a Redis URL (redis, rediss, or redis+socket for a unix socket)."""
    if redis_url.startswith("redis+socket://"):
        return {"broker_url": redis_url.replace("redis+socket://", f"{ALIAS}+socket://", 1)}
    return {"broker_url": redis_url, "broker_transport": "ocr_celery.broker:Transport"}
