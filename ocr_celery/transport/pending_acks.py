"""Acknowledgements that Redis has not received yet.

If Redis is unavailable, a page outlives the channel that delivered it. Its acknowledgement is kept here, and sent by the
next channel that takes messages.
"""

import logging
from typing import TYPE_CHECKING, Any

from kombu.transport import redis as stock
from kombu.transport.virtual import base as virtual
from redis.exceptions import RedisError

from ocr_celery.message import ASSEMBLE, POOL_TASKS
from ocr_celery.store import messages, unacked
from ocr_celery.store.keys import Keys

if TYPE_CHECKING:
    from redis import Redis

log = logging.getLogger(__name__)

#: acknowledgements to send, by delivery tag: True = the message is requeued
_owed: dict[str, bool] = {}
#: … and those whose delivery failed with an error (core/delivery_limit.py)
_in_vain: set[str] = set()
#: the record of the page that a message is about, by delivery tag: it must be final before the message is acknowledged
_records: dict[str, str] = {}
#: … and of these no document may be open: they are to end one
_assemblies: set[str] = set()


def pending() -> set[str]:
    """The delivery tags whose acknowledgement has not been sent."""
    return set(_owed)


def count_failed_delivery(delivery_tag: str) -> None:
    """Record that a delivery failed with an error: it counts against the message when that is requeued."""
    _in_vain.add(delivery_tag)


def waive_final_result(delivery_tag: str) -> None:
    """Let a message be acknowledged though its task is not final: another message will end the task."""
    if delivery_tag in _records:
        _records[delivery_tag] = ""
    _assemblies.discard(delivery_tag)


def discard(delivery_tag: str) -> None:
    """Forget a message whose acknowledgement has been sent."""
    _owed.pop(delivery_tag, None)
    _records.pop(delivery_tag, None)
    _in_vain.discard(delivery_tag)
    _assemblies.discard(delivery_tag)


def discard_all(*, but: set[str]) -> None:
    """Forget all messages but these: they have been requeued."""
    for delivery_tag in set(_records) - but:
        discard(delivery_tag)


def flush(redis: "Redis", keys: Keys, key: str) -> None:
    """Send the pending acknowledgements. `key`: the node's unacknowledged hash."""
    owed = dict(_owed)
    done = [(tag, _records.get(tag, "")) for tag, requeue in owed.items() if not requeue]
    if done:
        unknown = messages.acknowledge(redis, key, done, assemblies=_assemblies)
        if unknown:
            log.warning("requeued %d pages: their results are missing in Redis", len(unknown))
            _in_vain.update(unknown)
            owed.update(dict.fromkeys(unknown, True))
    for counted in (False, True):
        back = [tag for tag, requeue in owed.items() if requeue and (tag in _in_vain) is counted]
        if back:
            unacked.requeue_tags(redis, keys, key, back, counted=counted)
    for tag in owed:
        discard(tag)


class QoS(stock.QoS):
    """One hash per node holds what is unacknowledged; nothing but `consumer/lease.py` restores from another's hash."""

    def ack(self, delivery_tag: str) -> None:
        """Acknowledge the message."""
        self._record_ack(delivery_tag, requeue=False)

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        """Drop the message, or put it back into its queue if `requeue`."""
        self._record_ack(delivery_tag, requeue=requeue)

    def _record_ack(self, delivery_tag: str, *, requeue: bool) -> None:
        virtual.QoS.ack(self, delivery_tag)
        _owed[delivery_tag] = requeue
        if not self.channel.closed:
            try:
                self.channel.flush_acks()
            except (RedisError, *self.channel.connection_errors) as exc:
                log.warning("acknowledgement deferred until Redis is back: %s", exc)

    def append(self, message: Any, delivery_tag: str) -> None:
        """The message was recorded in Redis when it was taken."""
        virtual.QoS.append(self, message, delivery_tag)
        if message.headers.get("task") in POOL_TASKS:
            _records[delivery_tag] = self.channel.service.task(str(message.headers.get("id")))
        if message.headers.get("task") == ASSEMBLE:
            _assemblies.add(delivery_tag)

    def drop(self, delivery_tag: str) -> None:
        """Forget a message that was put aside: it no longer counts in the prefetch."""
        if delivery_tag in self._delivered:
            virtual.QoS.ack(self, delivery_tag)
        discard(delivery_tag)

    def restore_visible(self, *args: Any, **kwargs: Any) -> None:
        """No visibility timeout: a page may wait and be read for as long as it takes."""
