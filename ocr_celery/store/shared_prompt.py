"""The prompt of a batch, stored once: 8 kB of it in each message of 1,000 pages would take 80 MB of Redis.

A message then names the batch in place of a text, ``prompt={"batch": id}``. The prompt goes when its batch ends.
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
    """Whether a batch of so many pages stores this prompt beside its messages."""
    return len(prompt) * pages > _IN_MESSAGES


def reference(batch_id: str) -> dict[str, str]:
    """What a message has in place of the prompt."""
    return {"batch": batch_id}


def commands(keys: Keys, batch_id: str, prompt: str) -> list[tuple[str, str, str]]:
    """What stores the prompt, to be done in the step that queues the messages."""
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
