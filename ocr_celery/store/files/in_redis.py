"""Files in the Redis of the tasks: for small installations, and for clients that reach no other store.

Admission makes a file stay, and the step that stores the result deletes it (store/scripts.py); one that no task claims expires.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import cast

from redis import Redis
from redis.exceptions import RedisError

from ocr_celery.core.file_keeping import UNCLAIMED_SECONDS
from ocr_celery.store.files.contract import NoSuchFile, StoredFile, checked_name, is_name
from ocr_celery.store.keys import Keys

PART = 4 * 1024 * 1024  #: bytes that travel at once: one command must not take longer than Redis may take to answer
_AT_ONCE = 200  #: files that one round trip asks about, or deletes


class RedisStore:
    """See `FileStore`. Its calls raise `RedisError`; a Redis out of memory among them."""

    in_redis = True

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._redis, self._keys = redis, keys

    def put(self, name: str, data: bytes) -> None:
        """See `FileStore`. A large file is written part by part."""
        key = self._keys.blob(checked_name(name))
        if len(data) <= PART:
            self._redis.set(key, data, ex=int(UNCLAIMED_SECONDS))
            return
        try:
            self._redis.delete(key)
            for start in range(0, len(data), PART):
                with self._redis.pipeline(transaction=False) as pipe:
                    pipe.setrange(key, start, data[start : start + PART])
                    pipe.expire(key, int(UNCLAIMED_SECONDS))
                    pipe.execute()
        except RedisError:
            with suppress(RedisError):
                self._redis.delete(key)
            raise

    def get(self, name: str) -> bytes:
        """See `FileStore`."""
        data = cast(bytes | None, self._redis.get(self._keys.blob(name))) if is_name(name) else None
        if data is None:
            raise NoSuchFile(name)
        return data

    def fetch(self, name: str, path: Path) -> int:
        """See `FileStore`."""
        key = self._keys.blob(name)
        size = self._redis.strlen(key) if is_name(name) else 0
        if not size:
            raise NoSuchFile(name)
        with path.open("xb") as file:
            for start in range(0, size, PART):
                part = cast(bytes, self._redis.getrange(key, start, start + PART - 1))
                if len(part) != min(PART, size - start):
                    raise NoSuchFile(name)  # deleted meanwhile
                file.write(part)
        return size

    def delete(self, *names: str) -> None:
        """See `FileStore`."""
        keys = [self._keys.blob(name) for name in names if is_name(name)]
        for start in range(0, len(keys), _AT_ONCE):
            self._redis.unlink(*keys[start : start + _AT_ONCE])

    def list(self) -> Iterator[StoredFile]:
        """See `FileStore`. Redis knows no time of change but that of the last use."""
        pattern = re.sub(rb"([*?\[\]\\])", rb"\\\1", self._keys.blob("").encode()) + b"*"
        keys = self._redis.scan_iter(pattern, count=1000)
        while group := tuple(islice(keys, _AT_ONCE)):
            yield from self._look_up(group)

    def _look_up(self, keys: Sequence[bytes]) -> Iterator[StoredFile]:
        with self._redis.pipeline(transaction=False) as pipe:
            pipe.time()
            for key in keys:
                pipe.strlen(key)
                pipe.object("IDLETIME", key)
            (seconds, _), *found = pipe.execute(raise_on_error=False)
        for key, size, idle in zip(keys, found[::2], found[1::2], strict=True):
            if isinstance(size, int) and isinstance(idle, int) and size:
                yield StoredFile(key.decode().removeprefix(self._keys.blob("")), size, seconds - idle)
