"""What a node has taken and not acknowledged: one hash per node, and the way back into the queue."""

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any, cast

from redis import Redis

from ocr_celery.store import inside, scripts
from ocr_celery.store.keys import Keys

_AT_ONCE = 200  #: messages per step


def take_over(redis: Redis, keys: Keys, node: str) -> int:
    """The node died: remember it of the pages in its engine, and give back all that it holds. Answers how many messages."""
    inside.blame(redis, keys, node, "worker")  # first: whoever gets these pages next must know
    return give_back(redis, keys, node)


def give_back(redis: Redis, keys: Keys, node: str, *, but: Collection[str] = ()) -> int:
    """Return all that a node holds to the head of its queue, marked as delivered before. Answers how many messages.

    `but`: the delivery tags of messages that it is working on and keeps.
    Safe to run from several processes at once: each message goes back once.
    """
    key = keys.unacked(node)
    held = cast(dict[bytes, bytes], redis.hgetall(key))
    return _give_back(redis, key, {tag: record for tag, record in held.items() if tag.decode() not in but})


def give_back_tags(redis: Redis, key: str, tags: Sequence[str]) -> int:
    """The same for some of the messages in a node's hash, by delivery tag. Answers how many."""
    records = cast(list[bytes | None], redis.hmget(key, tags))
    return _give_back(redis, key, {tag: record for tag, record in zip(tags, records, strict=True) if record})


def _give_back(redis: Redis, key: str, held: Mapping[Any, bytes]) -> int:
    script, given = redis.register_script(scripts.GIVE_BACK), 0
    messages = [(tag, *_message(record)) for tag, record in sorted(held.items())]
    for i in range(0, len(messages), _AT_ONCE):
        chunk = messages[i : i + _AT_ONCE]
        index = {queue: n for n, queue in enumerate(dict.fromkeys(queue for _, queue, _ in chunk), start=2)}
        flat = [x for tag, queue, message in chunk for x in (tag, index[queue], message)]
        given += cast(int, script(keys=[key, *index], args=flat))
    return given


def _message(record: bytes) -> tuple[str, str]:
    """(queue, message) of one record, see broker._TAKE."""
    message, _, queue = cast(list[Any], json.loads(record))
    message["headers"]["redelivered"] = True
    message["properties"]["delivery_info"]["redelivered"] = True
    return queue, json.dumps(message)
