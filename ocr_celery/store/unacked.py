"""What a node has taken and not acknowledged: one hash per node, and the way back into the queue."""

import json
from collections.abc import Collection
from typing import Any, cast

from redis import Redis

from ocr_celery.store import keys, scripts

_AT_ONCE = 200  #: messages per step


def give_back(redis: Redis, node: str, *, but: Collection[str] = ()) -> int:
    """Return all that a node holds to the head of its queue, marked as delivered before. Answers how many messages.

    `but`: the delivery tags of messages that it is working on and keeps.
    Safe to run from several processes at once: each message goes back once.
    """
    key, given = keys.UNACKED + node, 0
    script = redis.register_script(scripts.GIVE_BACK)
    held = cast(dict[bytes, bytes], redis.hgetall(key))
    left = sorted((tag, record) for tag, record in held.items() if tag.decode() not in but)
    flat = [x for tag, record in left for x in (tag, *_message(record))]
    for i in range(0, len(flat), 3 * _AT_ONCE):
        given += cast(int, script(keys=[key], args=flat[i : i + 3 * _AT_ONCE]))
    return given


def _message(record: bytes) -> tuple[str, str]:
    """(queue, message) of one record, see broker._TAKE."""
    message, _, queue = cast(list[Any], json.loads(record))
    message["headers"]["redelivered"] = True
    message["properties"]["delivery_info"]["redelivered"] = True
    return queue, json.dumps(message)
