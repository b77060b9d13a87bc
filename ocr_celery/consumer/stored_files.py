"""Finds a file by the reference in its message, in Redis or in the service's store, wherever its sender put it."""

from pathlib import Path

from redis.exceptions import OutOfMemoryError

from ocr_celery.core.file_reference import IN_REDIS, IN_STORE, file_name
from ocr_celery.errors import ImageExpired, StoreFull, StoreUnavailable
from ocr_celery.store.files.contract import FileStore, NoSuchFile

_NO_STORE = (
    "The page's file lies in the store of the facade, and OCR_STORE of this worker is Redis: "
    "give it the OCR_STORE of the facade."
)


class StoredFiles:
    """Files by their reference. Safe to share between threads.

    `redis`: the files in Redis. `store`: the service's store, which may be the same.

    Both calls raise `ImageExpired` where there is no such file any more, `StoreUnavailable`, and `RedisError`.
    """

    def __init__(self, redis: FileStore, store: FileStore) -> None:
        self._redis, self._store = redis, store

    def put(self, name: str, data: bytes) -> str:
        """Store a file and return its reference. Raises `StoreFull` in addition, also where the store is a Redis."""
        try:
            self._store.put(name, data)
        except OutOfMemoryError as exc:
            raise StoreFull("Redis, which holds the files, is out of memory.") from exc
        return (IN_REDIS if self._store.in_redis else IN_STORE) + name

    def get(self, reference: str) -> bytes:
        """The bytes of a file."""
        try:
            return self._holding(reference).get(file_name(reference))
        except NoSuchFile:
            raise ImageExpired from None

    def fetch(self, reference: str, path: Path) -> int:
        """Write a file to `path`, which does not exist yet, and return its size in bytes."""
        try:
            return self._holding(reference).fetch(file_name(reference), path)
        except NoSuchFile:
            raise ImageExpired from None

    def _holding(self, reference: str) -> FileStore:
        if reference.startswith(IN_REDIS):
            return self._redis
        if self._store.in_redis:
            raise StoreUnavailable(_NO_STORE)
        return self._store
