"""The prompt of a batch, stored once: 8 kB of it in each message of 1,000 pages would take 80 MB of Redis.

A message then has a reference to the batch, ``prompt={"batch": id}``. The prompt is deleted when the batch ends.
"""

import json
from collections.abc import Mapping
from typing import Any, cast

from redis import Redis

from ocr_celery.errors import PromptExpired
from ocr_celery.store.keys import Keys

KEEP = 7 * 86400  #: seconds after a page was last prepared, where the batch never ends
_IN_MESSAGES = 64 * 1024  # characters of all messages of a batch together, up to which each has the prompt itself


def is_shared(prompt: str, pages: int) -> bool:
    """Whether a batch of so many pages stores this prompt once, instead of in each message."""
    return len(prompt) * pages > _IN_MESSAGES


def reference(batch_id: str) -> dict[str, str]:
    """The reference that replaces the prompt in a message."""
    return {"batch": batch_id}


def commands(keys: Keys, batch_id: str, prompt: str) -> list[tuple[str, str, str]]:
    """The commands that store the prompt; they run in the step that queues the messages."""
    key = keys.prompt(batch_id)
    return [("SET", key, json.dumps(prompt)), ("EXPIRE", key, str(KEEP))]


def resolve(redis: Redis, keys: Keys, options: Mapping[str, Any]) -> Mapping[str, Any]:
    """The options of a message, with the prompt that they name. Raises `PromptExpired` and `RedisError`."""
    named = options.get("prompt") if isinstance(options, Mapping) else None  # whatever a sender wrote
    if not isinstance(named, Mapping):
        return options
    text = cast(bytes | None, redis.getex(keys.prompt(str(named.get("batch"))), ex=KEEP))
    if text is None:
        raise PromptExpired
    return {**options, "prompt": json.loads(text)}
