"""Images by reference: the bytes lie in Redis once, and the message that goes through the queue carries a kilobyte.

A blob that came with a task has that task's id, no end of its own, and goes when the task is finished. A loose one
(stored first, sent later) lives for OCR_TASK_TTL seconds.
"""

from typing import cast
from uuid import uuid4

from redis import Redis

from ocr_celery.store.keys import Keys

SCHEME = "blob:"


def reference(id: str) -> str:
    """How a message names the blob of this id."""
    return SCHEME + id


def put(redis: Redis, keys: Keys, data: bytes, *, ttl: int) -> str:
    """Store a loose image for `ttl` seconds and return its reference."""
    id = str(uuid4())
    redis.set(keys.blob(id), data, ex=ttl)
    return reference(id)


def get(redis: Redis, keys: Keys, ref: str) -> bytes | None:
    """The bytes behind a reference; None when they are gone."""
    return cast(bytes | None, redis.get(keys.blob(ref.removeprefix(SCHEME))))
