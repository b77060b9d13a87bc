"""What a node has taken and not acknowledged: one hash per node, and the way back into the queue."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

from redis import Redis

from ocr_celery.store import inside, keys, scripts

_AT_ONCE = 200  #: messages per step


def give_back(redis: Redis, node: str) -> int:
    """Return all that a dead node holds to the head of its queue, marked as delivered before. Answers how many messages.

    Safe to run from several processes at once: each message goes back once.
    """
    inside.blame(redis, node, "worker")  # first: whoever gets these pages next must know
    key = keys.UNACKED + node
    return _give_back(redis, key, cast(dict[bytes, bytes], redis.hgetall(key)))


def give_back_tags(redis: Redis, key: str, tags: Sequence[str]) -> int:
    """The same for some of the messages in a node's hash, by delivery tag. Answers how many."""
    records = cast(list[bytes | None], redis.hmget(key, tags))
    return _give_back(redis, key, {tag: record for tag, record in zip(tags, records, strict=True) if record})


def _give_back(redis: Redis, key: str, held: Mapping[Any, bytes]) -> int:
    script, given = redis.register_script(scripts.GIVE_BACK), 0
    flat = [x for tag, record in sorted(held.items()) for x in (tag, *_message(record))]
    for i in range(0, len(flat), 3 * _AT_ONCE):
        given += cast(int, script(keys=[key], args=flat[i : i + 3 * _AT_ONCE]))
    return given


def _message(record: bytes) -> tuple[str, str]:
    """(queue, message) of one record, see broker._TAKE."""
    message, _, queue = cast(list[Any], json.loads(record))
    message["headers"]["redelivered"] = True
    message["properties"]["delivery_info"]["redelivered"] = True
    return queue, json.dumps(message)
