"""Takes messages from Redis, without the moments in which kombu's transport can lose one.

Taking: kombu pops a message and records it as unacknowledged in two steps; a process killed between them loses it. Here a
waiting worker has Redis move the next message into a list of its node (``BLMOVE``: a message wakes one worker), and then
takes as many messages as it has room for, those of that list first, then by turns from the lanes (`store/lanes.py`), in one
Lua step that records each under the node's own key (`store/messages.py`). `store/unacked.py` requeues idle messages.
Malformed messages are put aside.
"""

import logging
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from queue import Empty
from time import monotonic
from typing import Any

from kombu.utils.json import loads
from redis.exceptions import OutOfMemoryError, RedisError, ResponseError

from ocr_celery.store import messages, unacked
from ocr_celery.store.keys import Keys
from ocr_celery.store.lanes import Lanes
from ocr_celery.store.transient_errors import drop_on_failover, is_failover, is_transient
from ocr_celery.transport import pending_acks
from ocr_celery.transport.kombu_message import parse_message
from ocr_celery.transport.sending import SendingChannel

log = logging.getLogger(__name__)

_REFUSED = 0.5  #: seconds until the next attempt after Redis refused

#: called with the headers of a message that is about to be put aside; raises where that has to wait
before_put_aside: Callable[[Mapping[str, Any]], object] = lambda _: None  # noqa: E731
put_aside_count = 0  #: messages that this process has put aside


class TakingChannel(SendingChannel):
    """A channel that takes messages in one step, and gives each to its consumer by itself."""

    QoS = pending_acks.QoS
    do_restore = False  # consumer/lease.py requeues the messages of a worker that ends

    #: `service_queue`: the queue that names the keys of this service, see store/keys.py. `node`: the worker's name, into
    #: whose list Redis moves messages of that queue while it waits; without one, all who wait for a message wake.
    from_transport_options = (*SendingChannel.from_transport_options, "service_queue", "node")
    service_queue = node = ""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.service = Keys(self.service_queue)
        self._lanes = Lanes(self.service)
        self._unrecorded: set[str] = set()  # queues whose consumer acknowledges nothing
        self._waits_by = "BLMOVE"
        self._left = False  # a Redis that takes no writes any more
        self.has_moved = False  #: to another Redis, which may know less of what became of what this node holds

    def _get_pool(self, asynchronous: bool = False) -> Any:
        return drop_on_failover(super()._get_pool(asynchronous))

    # -- what is done with -----------------------------------------------------------------------------------------------

    def flush_acks(self) -> None:
        """Tell Redis which messages this process is done with."""
        with self.conn_or_acquire() as client:
            pending_acks.flush(client, self.service, self.unacked_key)

    def put_aside(self, delivery_tag: str, headers: Any, why: str) -> None:
        """Put a malformed message aside and acknowledge it. Raises the errors of Redis."""
        global put_aside_count
        before_put_aside(headers if isinstance(headers, Mapping) else {})
        with self.conn_or_acquire() as client:
            messages.put_aside(client, self.service, self.unacked_key, delivery_tag, why=why)
        self.qos.drop(delivery_tag)
        put_aside_count += 1
        log.warning("malformed message put aside in %s: %s", self.service.put_aside, why)

    # -- consuming ----------------------------------------------------------------------------------------------------

    def basic_consume(self, queue: str, no_ack: bool, *args: Any, **kwargs: Any) -> Any:
        """Consume from `queue`; `no_ack`: its messages need no acknowledgement, as replies to `inspect`."""
        (self._unrecorded.add if no_ack else self._unrecorded.discard)(queue)
        return super().basic_consume(queue, no_ack, *args, **kwargs)

    def basic_get(self, queue: str, no_ack: bool = False, **kwargs: Any) -> Any:
        """One message, or None."""
        if not no_ack:
            return super().basic_get(queue, no_ack=False, **kwargs)
        text = self._pop(queue)
        return self.Message(loads(text), channel=self) if text else None

    # -- waiting and taking ----------------------------------------------------------------------------------------------

    def _brpop_start(self, timeout: float | None = None) -> None:
        queues = self._queue_cycle.consume(len(self.active_queues))
        if not queues:
            return
        self._in_poll = self.client.connection
        self._brpop_sent_at = monotonic()
        wait = self.brpop_timeout if timeout is None else timeout
        self.client.connection.send_command(*self._wait_for(queues[0]), wait)

    def _wait_for(self, queue: str) -> tuple[str, ...]:
        self._waits_by = "BRPOP" if queue in self._unrecorded else "BLMOVE"
        if queue in self._unrecorded:
            return ("BRPOP", *self._lists([queue]))
        if self.node and queue == self.service_queue:
            return ("BLMOVE", queue, self.service.handed(self.node), "RIGHT", "LEFT")
        return ("BLMOVE", queue, queue, "RIGHT", "RIGHT")  # removes nothing, and wakes all who wait

    def _brpop_read(self, **options: Any) -> bool:
        """Take as many messages as there is room for, also if the wait timed out: lower priorities have separate lists."""
        try:
            unrecorded = self._read_wait(**options)
            if self._closing:
                self.return_handed()
                raise Empty()
            try:
                if pending_acks.pending():
                    self.flush_acks()
                taken = self._take_recorded()
                self.has_moved, self._left = self.has_moved or self._left, False
            except ResponseError as exc:
                self._on_write_refused(exc)
                raise Empty() from None
            for message in taken:
                self._deliver_one(message)
            unrecorded += self._take_unrecorded()
            for queue, text in unrecorded:
                self._deliver_unrecorded(queue, text)
            if not taken and not unrecorded:
                raise Empty()
            return True
        finally:
            self._in_poll = None

    def _read_wait(self, **options: Any) -> list[tuple[str, bytes]]:
        """The message that ended the wait, if it is not recorded as unacknowledged: (queue, message)."""
        try:
            answer = self.client.parse_response(self.client.connection, self._waits_by, **options)
        except self.connection_errors:
            self.client.connection.disconnect()
            raise
        except OutOfMemoryError:
            time.sleep(_REFUSED)  # a full Redis refuses blocking commands, but not the taking step
        except ResponseError as exc:
            self._on_write_refused(exc)
        else:
            if self._waits_by == "BRPOP" and answer:
                return [(answer[0].decode().rsplit(self.sep, 1)[0], answer[1])]
        return []

    def _on_write_refused(self, exc: ResponseError) -> None:
        """Redis answers but refuses writes: it is read-only, or its disk is full. Celery would end the worker."""
        log.warning("cannot take messages: Redis refuses writes: %s", exc)
        if is_failover(exc):  # the address may lead to another Redis now, which accepts writes
            self.client.connection.disconnect()
            self._left = True
        time.sleep(_REFUSED)

    def _lists(self, queues: list[str]) -> list[str]:
        return [self._q_for_pri(queue, priority) for priority in self.priority_steps for queue in queues]

    def _take_recorded(self) -> list[messages.Taken]:
        queues = [queue for queue in self.active_queues if queue not in self._unrecorded]
        room = self.qos.can_consume_max_estimate()
        return self._take(queues, 64 if room is None else room) if queues else []

    def _take(self, queues: list[str], most: int) -> list[messages.Taken]:
        handed = self.service.handed(self.node)
        with self.conn_or_acquire() as client:
            return messages.take(client, self.unacked_key, handed, self._lanes, self._lists(queues), most=most)

    def _take_unrecorded(self) -> list[tuple[str, bytes]]:
        """One message of each queue that needs no acknowledgement, if the wait was not for one of them."""
        if self._waits_by == "BRPOP":
            return []
        queues = [queue for queue in self.active_queues if queue in self._unrecorded]
        return [(queue, text) for queue in queues if (text := self._pop(queue))]

    def _pop(self, queue: str) -> bytes | None:
        with self.conn_or_acquire() as client:
            return next((text for key in self._lists([queue]) if (text := client.rpop(key))), None)

    def return_handed(self) -> None:
        """Return the messages that Redis has handed to this node to the head of the queue: they would wait here."""
        if self.node:
            with suppress(RedisError, OSError), self.conn_or_acquire() as client:
                unacked.return_handed(client, self.service, self.node)

    def requeue_unacked(self, *, but: set[str]) -> int:
        """Requeue this node's messages at the head of the queue, except these delivery tags. Returns how many."""
        with self.conn_or_acquire() as client:
            requeued = unacked.requeue(client, self.service, self.node, but=but)
        pending_acks.discard_all(but=but)
        self.has_moved = False
        return requeued

    def return_handed_unless_waiting(self) -> None:
        """The same, unless this node is about to take them: another worker may take them."""
        if not (self._in_poll and self.qos.can_consume() and self.service_queue in self.active_queues):
            self.return_handed()

    # -- handing over ----------------------------------------------------------------------------------------------------

    def _deliver_one(self, taken: messages.Taken) -> None:
        """Deliver one message to its consumer. An error caused by its content does not affect the next message."""
        headers: Any = None
        try:
            message, queue = parse_message(taken), taken.queue.rsplit(self.sep, 1)[0]
            headers = message["headers"]
            self.connection._deliver(message, queue)
        except Exception as exc:
            if is_transient(exc) or isinstance(exc, OSError):
                raise
            self.put_aside(taken.tag, headers, f"{type(exc).__name__} when it was read")

    def _deliver_unrecorded(self, queue: str, text: bytes) -> None:
        with suppress(ValueError, RecursionError):
            message = loads(text)
            if self._is_message(message, queue):
                self.connection._deliver(message, queue)

    def _deliver_fanout_message(self, message: Any, exchange: str) -> bool:
        return self._is_message(message, exchange) and bool(super()._deliver_fanout_message(message, exchange))

    def _is_message(self, message: Any, where: str) -> bool:
        """Whether kombu can make a message of it. Remote control repeats a request that got no reply."""
        try:
            self.Message(message, channel=self)
        except Exception as exc:
            log.warning("invalid message dropped: %s, %s", where, type(exc).__name__)
            return False
        return True
