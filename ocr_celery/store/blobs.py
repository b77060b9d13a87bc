"""Images by reference: Redis stores the bytes once, and the message in the queue is about a kilobyte.

A blob that came with a task has that task's id, does not expire, and is deleted when the task is finished. A blob that
was stored before its task is sent expires after OCR_TASK_TTL seconds.
"""

from uuid import uuid4

from redis import Redis

from ocr_celery.core.file_reference import IN_REDIS
from ocr_celery.store.keys import Keys


def put(redis: Redis, keys: Keys, data: bytes, *, ttl: int) -> str:
    """Store an image without a task for `ttl` seconds and return its reference."""
    id = str(uuid4())
    redis.set(keys.blob(id), data, ex=ttl)
    return IN_REDIS + id
