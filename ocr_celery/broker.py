"""Redis as the carrier, without the moments in which kombu's own transport can lose a message.

Taking: kombu pops a message and records it as unacknowledged in two steps; a process killed between them loses it. Here a
waiting worker uses ``BLMOVE queue queue RIGHT RIGHT``, which removes nothing, and then takes as many messages as it has
room for in one Lua step that records each under the node's own key. `store/unacked.py` gives back what is not worked on.
"""

import logging
import time
from queue import Empty
from time import monotonic
from typing import Any

from kombu.transport import TRANSPORT_ALIASES
from kombu.transport import redis as stock
from kombu.transport.virtual import base as virtual
from kombu.utils.encoding import bytes_to_str
from kombu.utils.json import dumps, loads
from kombu.utils.uuid import uuid
from redis.exceptions import OutOfMemoryError, RedisError, ResponseError

from ocr_celery.outbox import queueing
from ocr_celery.store import unacked
from ocr_celery.store.keys import Keys

log = logging.getLogger(__name__)

#: kombu names a transport in the URL; a unix socket has no room for one unless it is an alias
ALIAS = "ocrredis"
TRANSPORT_ALIASES[ALIAS] = "ocr_celery.broker:Transport"

#: KEYS: the unacknowledged hash, the list of the unreadable, then queues in the order in which they are served.
#: ARGV: most messages to take.
#: The record is kombu's own, with the queue itself as its address, so that restoring needs no binding. The first write
#: frees memory: so a full Redis lets the whole step pass, see store/scripts.py.
_TAKE = """
local taken, room = {}, tonumber(ARGV[1])
for i = 3, #KEYS do
  while #taken < room * 2 do
    local message = redis.call('RPOP', KEYS[i])
    if not message then break end
    local known, tag = pcall(function() return cjson.decode(message).properties.delivery_tag end)
    if known and tag then
      redis.call('HSET', KEYS[1], tag, '[' .. message .. ',"",' .. cjson.encode(KEYS[i]) .. ']')
      taken[#taken + 1] = KEYS[i]
      taken[#taken + 1] = message
    else
      redis.call('LPUSH', KEYS[2], message)
    end
  end
end
return taken
"""


_REFUSED = 0.5  #: seconds until a Redis that refuses is asked again

#: messages that this process is done with, by delivery tag, and has not told Redis so: True = they go back to the queue
_owed: dict[str, bool] = {}


def owed() -> set[str]:
    """The delivery tags of messages that this process is done with, of which Redis has not been told."""
    return set(_owed)


class QoS(stock.QoS):
    """One hash per node holds what is unacknowledged; nothing but `consumer/presence.py` restores from another's hash."""

    def ack(self, delivery_tag: str) -> None:
        """The message is done with."""
        self._settle(delivery_tag, requeue=False)

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        """The message is not wanted; `requeue`: by us."""
        self._settle(delivery_tag, requeue=requeue)

    def _settle(self, delivery_tag: str, *, requeue: bool) -> None:
        # A page outlives the channel it came through where Redis was away meanwhile, or is away now. What cannot be told
        # is owed to Redis, and told by the next channel that takes messages.
        virtual.QoS.ack(self, delivery_tag)
        _owed[delivery_tag] = requeue
        if not self.channel.closed:
            try:
                self.channel.settle()
            except (RedisError, *self.channel.connection_errors) as exc:
                log.warning("Redis will be told later that a message is done with: %s", exc)

    def append(self, message: Any, delivery_tag: str) -> None:
        virtual.QoS.append(self, message, delivery_tag)  # recorded in Redis when it was taken

    def restore_visible(self, *args: Any, **kwargs: Any) -> None:
        """No visibility timeout: a page may wait and be read for as long as it takes."""


class Channel(stock.Channel):
    """A channel that takes messages in one step."""

    QoS = QoS
    #: `service_queue`: the queue that names the keys of this service, see store/keys.py
    from_transport_options = (*stock.Channel.from_transport_options, "service_queue")
    service_queue = ""
    do_restore = False  # what a worker still holds when it ends is given back by name (consumer/presence.py)

    def settle(self) -> None:
        """Tell Redis which messages this process is done with."""
        done = [tag for tag, requeue in _owed.items() if not requeue]
        back = [tag for tag, requeue in _owed.items() if requeue]
        with self.conn_or_acquire() as client:
            if back:
                unacked.give_back_tags(client, self.unacked_key, back)
            if done:
                client.hdel(self.unacked_key, *done)
        for tag in (*done, *back):
            _owed.pop(tag, None)

    def _queue_bind(self, exchange: str, routing_key: str, pattern: str, queue: str) -> None:
        """kombu notes here which queues an exchange leads to. Tasks are sent to their queue itself, so that a worker can do
        without where a full Redis takes no note: it must start, to empty it."""
        try:
            super()._queue_bind(exchange, routing_key, pattern, queue)
        except OutOfMemoryError as exc:
            log.warning("%s is not bound to %s: Redis says: %s", queue, exchange, exc)

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
            self._waited(**options)
            if self._closing:
                raise Empty()
            room = self.qos.can_consume_max_estimate()
            try:
                if _owed:
                    self.settle()
                messages = self._take(self.active_queues, 64 if room is None else room)
            except ResponseError as exc:
                self._refused(exc)
                raise Empty() from None
            if not messages:
                raise Empty()
            for queue, message in messages:
                self.connection._deliver(loads(message), queue)
            return True
        finally:
            self._in_poll = None

    def _waited(self, **options: Any) -> None:
        try:
            self.client.parse_response(self.client.connection, "BLMOVE", **options)
        except self.connection_errors:
            self.client.connection.disconnect()
            raise
        except OutOfMemoryError:
            time.sleep(_REFUSED)  # a full Redis lets nobody wait, but does let us take
        except ResponseError as exc:
            self._refused(exc)

    @staticmethod
    def _refused(exc: ResponseError) -> None:
        """Redis is there and does not let us write: it is read-only, or its disk is full. Celery would end the worker."""
        log.warning("no page can be taken: Redis says: %s", exc)
        time.sleep(_REFUSED)

    def _take(self, queues: list[str], room: int) -> list[tuple[str, str]]:
        lists = [self._q_for_pri(queue, priority) for priority in self.priority_steps for queue in queues]
        touched = [self.unacked_key, Keys(self.service_queue).unreadable, *lists]
        with self.conn_or_acquire() as client:
            found = client.eval(_TAKE, len(touched), *touched, room)
        flat = [bytes_to_str(item) for item in found]
        return [(key.rsplit(self.sep, 1)[0], message) for key, message in zip(flat[::2], flat[1::2], strict=True)]

    def _get(self, queue: str) -> Any:
        for _, message in self._take([queue], 1):
            return loads(message)
        raise Empty()

    def _put(self, queue: str, message: dict[str, Any], **kwargs: Any) -> None:
        with self.conn_or_acquire() as client:
            client.execute_command(queueing(message), queue, dumps(message))

    def _purge(self, queue: str) -> int:
        from ocr_celery.purge import purge  # whoever only sends has no use for it

        lists = [self._q_for_pri(queue, priority) for priority in self.priority_steps]
        with self.conn_or_acquire() as client:
            return sum(purge(client, name, Keys(queue).purged(uuid()), self._parsed) for name in lists)

    def _parsed(self, text: bytes) -> Any:
        return self.message_to_python(loads(text))


class Transport(stock.Transport):
    """kombu's Redis transport with our channel."""

    Channel = Channel


def url_for(redis_url: str) -> dict[str, str]:
    """Celery's `broker_url` and `broker_transport` for a Redis URL (redis, rediss, or redis+socket for a unix socket)."""
    if redis_url.startswith("redis+socket://"):
        return {"broker_url": redis_url.replace("redis+socket://", f"{ALIAS}+socket://", 1)}
    return {"broker_url": redis_url, "broker_transport": "ocr_celery.broker:Transport"}
