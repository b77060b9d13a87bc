"""What a node has taken and not acknowledged: one hash per node, and the way back into the queue."""

import json
import logging
from collections.abc import Collection, Mapping, Sequence
from typing import Any, cast

from redis import Redis

from ocr_celery.core import delivery_limit
from ocr_celery.core.quarantine import Cause
from ocr_celery.store import messages, scripts
from ocr_celery.store.crash_marks import CrashMarks
from ocr_celery.store.keys import Keys

log = logging.getLogger(__name__)

_MESSAGES_PER_STEP = 200


def take_over(redis: Redis, keys: Keys, node: str) -> int:
    """Record the crash of a node for the pages in its engine, and requeue all its messages. Returns how many."""
    CrashMarks(redis, keys, node).add_strikes(Cause.WORKER)  # first: the next worker must see the strikes
    return_handed(redis, keys, node)  # these before what was taken earlier, which is in front of them then
    return requeue(redis, keys, node, counted=True)


def requeue(redis: Redis, keys: Keys, node: str, *, but: Collection[str] = (), counted: bool = False) -> int:
    """Return all that a node holds to the head of its queue, marked as delivered before. Answers how many messages.

    `but`: the delivery tags of messages that it is working on and keeps. `counted`: whether these deliveries count against
    the messages (core/delivery_limit.py).
    Safe to run from several processes at once: each message goes back once.
    """
    key = keys.unacked(node)
    held = cast(dict[bytes, bytes], redis.hgetall(key))
    wanted = {tag: record for tag, record in held.items() if tag.decode(errors="replace") not in but}
    return _requeue(redis, keys, key, wanted, counted=counted)


def requeue_tags(redis: Redis, keys: Keys, key: str, tags: Sequence[str], *, counted: bool = False) -> int:
    """The same for some of the messages in a node's hash `key`, by delivery tag. Answers how many."""
    records = cast(list[bytes | None], redis.hmget(key, tags))
    found = {tag: record for tag, record in zip(tags, records, strict=True) if record}
    return _requeue(redis, keys, key, found, counted=counted)


def return_handed(redis: Redis, keys: Keys, node: str) -> None:
    """Return the messages that Redis has handed to a node, and the node has not taken, to the head of the queue."""
    redis.register_script(messages.RETURN_HANDED)(keys=[keys.handed(node), keys.queue])


def _requeue(redis: Redis, keys: Keys, key: str, held: Mapping[Any, bytes], *, counted: bool) -> int:
    script, requeued = redis.register_script(scripts.REQUEUE), 0
    found: list[tuple[Any, str, str]] = []
    for tag, record in sorted(held.items(), reverse=True):  # what was taken first comes last, and is at the head then
        try:
            found.append((tag, *_message(record, counted=counted)))
        except Exception as exc:  # the content may be anything; the others are requeued all the same
            log.warning("malformed message put aside, of an ended worker: %s", type(exc).__name__)
            messages.put_aside(redis, keys, key, tag, why="it was held and cannot be read")
    for i in range(0, len(found), _MESSAGES_PER_STEP):
        chunk = found[i : i + _MESSAGES_PER_STEP]
        index = {queue: n for n, queue in enumerate(dict.fromkeys(queue for _, queue, _ in chunk), start=2)}
        flat = [x for tag, queue, message in chunk for x in (tag, index[queue], message)]
        requeued += cast(int, script(keys=[key, *index], args=flat))
    return requeued


def _message(record: bytes, *, counted: bool) -> tuple[str, str]:
    """(queue, message) of one record, see messages.TAKE. May raise any exception if it is not one."""
    message, _, queue = cast(list[Any], json.loads(record))
    headers, properties = _mapping(message, "headers"), _mapping(message, "properties")
    headers["redelivered"] = True
    _mapping(properties, "delivery_info")["redelivered"] = True
    if counted:
        properties["deliveries"] = delivery_limit.failed_deliveries(properties) + 1
    if not isinstance(queue, str):
        raise TypeError("the queue name is not a string")
    return queue, json.dumps(message)


def _mapping(parent: dict[str, Any], name: str) -> dict[str, Any]:
    """A mapping in a message, created if it is missing."""
    if parent.get(name) is None:
        parent[name] = {}
    if not isinstance(parent[name], dict):
        raise TypeError(f"{name} is not a mapping")
    return cast(dict[str, Any], parent[name])
