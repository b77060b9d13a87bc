"""Images by reference: Redis stores the bytes once, and the message in the queue is about a kilobyte.

A blob that came with a task has that task's id, does not expire, and is deleted when the task is finished. A blob that
was stored before its task is sent expires after OCR_TASK_TTL seconds.
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
    """Store an image without a task for `ttl` seconds and return its reference."""
    id = str(uuid4())
    redis.set(keys.blob(id), data, ex=ttl)
    return reference(id)


def get(redis: Redis, keys: Keys, ref: str) -> bytes | None:
    """The bytes behind a reference; None if they have expired."""
    return cast(bytes | None, redis.get(keys.blob(ref.removeprefix(SCHEME))))
