"""Makes the store that OCR_STORE names: its part for one queue, as a sweep deletes whatever its own service does not know."""

from functools import partial

from redis import Redis

from ocr_celery.core import store_address
from ocr_celery.store.files.contract import FileStore
from ocr_celery.store.files.folder import FolderStore
from ocr_celery.store.files.in_redis import RedisStore
from ocr_celery.store.files.in_s3 import ObjectFileStore, open_s3
from ocr_celery.store.keys import Keys


def open_store(address: str, redis: Redis, keys: Keys) -> FileStore:
    """The store of this service at this address. Opens and creates nothing before its first use, which may follow a fork.

    Raises `ValueError` for an address that is not valid.
    """
    at = store_address.parse(address)
    part = store_address.subfolder(keys.queue)
    if at.kind == store_address.S3:
        return ObjectFileStore(partial(open_s3, at.bucket, f"{at.prefix}/{part}".lstrip("/")))
    if at.kind == store_address.FILE:
        return FolderStore(at.folder / part, known=_KnownFolders(redis, keys))
    return RedisStore(redis, keys)


class _KnownFolders:
    """See `KnownStores`."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._redis, self._keys = redis, keys

    def is_known(self, folder: str) -> bool:
        return bool(self._redis.sismember(self._keys.stores, folder))

    def note(self, folder: str) -> None:
        self._redis.sadd(self._keys.stores, folder)
