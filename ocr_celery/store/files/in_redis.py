"""Files in the Redis of the tasks: for small installations, and for clients that reach no other store.

Admission makes a file stay, and the step that stores the result deletes it (store/scripts.py); one that no task claims expires.
A file is written under another name and renamed into its place, and one that is there stays: pages may be read from it.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import cast
from uuid import uuid4

from redis import Redis
from redis.exceptions import RedisError

from ocr_celery.core.file_keeping import UNCLAIMED_SECONDS
from ocr_celery.store.files.contract import NoSuchFile, StoredFile, checked_name, is_name
from ocr_celery.store.keys import Keys

PART = 4 * 1024 * 1024  #: bytes that travel at once: one command must not take longer than Redis may take to answer
_FILES_PER_TRIP = 200  #: files that one round trip asks about, or deletes

#: Put a file that has been written into its place, unless one is there: that is kept, for as long again if it was to expire.
#: KEYS what was written, its place. ARGV its bytes, seconds to keep it. (A full Redis allows all of it.)
_PLACE = """
if redis.call('STRLEN', KEYS[1]) ~= tonumber(ARGV[1]) then
  return redis.error_reply('TRYAGAIN a part of the file was lost')
end
if redis.call('RENAMENX', KEYS[1], KEYS[2]) == 0 then redis.call('DEL', KEYS[1]) end
if redis.call('TTL', KEYS[2]) >= 0 then redis.call('EXPIRE', KEYS[2], ARGV[2]) end
return 1
"""


class RedisStore:
    """See `FileStore`. Its calls raise `RedisError`; a Redis out of memory among them."""

    in_redis = True

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._redis, self._keys = redis, keys

    def put(self, name: str, data: bytes) -> None:
        """See `FileStore`. A large file is written part by part; where there is one of this name, that one stays."""
        place = self._keys.file(checked_name(name))
        written = self._keys.file(f"{name}.{uuid4().hex}")
        try:
            self._write(written, data)
            into_place = self._redis.register_script(_PLACE)
            into_place(keys=[written, place], args=[len(data), int(UNCLAIMED_SECONDS)])
        except RedisError:
            with suppress(RedisError):
                self._redis.delete(written)
            raise

    def _write(self, key: str, data: bytes) -> None:
        """The last part first, so that Redis makes room for all of them once."""
        if len(data) <= PART:
            self._redis.set(key, data, ex=int(UNCLAIMED_SECONDS))
            return
        self._redis.set(key, b"", ex=int(UNCLAIMED_SECONDS))
        view = memoryview(data)
        for start in reversed(range(0, len(data), PART)):
            self._redis.setrange(key, start, cast(bytes, view[start : start + PART]))

    def put_file(self, name: str, path: Path) -> None:
        """See `FileStore`."""
        self.put(name, path.read_bytes())

    def get(self, name: str) -> bytes:
        """See `FileStore`."""
        data = cast(bytes | None, self._redis.get(self._keys.file(name))) if is_name(name) else None
        if data is None:
            raise NoSuchFile(name)
        return data

    def fetch(self, name: str, path: Path) -> int:
        """See `FileStore`."""
        size, pieces = self.pieces(name)
        with path.open("xb") as file:
            file.writelines(pieces)
        return size

    def pieces(self, name: str) -> tuple[int, Iterator[bytes]]:
        """See `FileStore`."""
        key = self._keys.file(name)
        size = self._redis.strlen(key) if is_name(name) else 0
        if not size and not (is_name(name) and self._redis.exists(key)):
            raise NoSuchFile(name)
        return size, self._parts(name, size)

    def _parts(self, name: str, size: int) -> Iterator[bytes]:
        for start in range(0, size, PART):
            part = cast(bytes, self._redis.getrange(self._keys.file(name), start, start + PART - 1))
            if len(part) != min(PART, size - start):
                raise NoSuchFile(name)  # deleted meanwhile
            yield part

    def delete(self, *names: str) -> None:
        """See `FileStore`."""
        keys = [self._keys.file(name) for name in names if is_name(name)]
        for start in range(0, len(keys), _FILES_PER_TRIP):
            self._redis.unlink(*keys[start : start + _FILES_PER_TRIP])

    def list(self) -> Iterator[StoredFile]:
        """See `FileStore`. Redis knows no time of change but that of the last use."""
        pattern = re.sub(rb"([*?\[\]\\])", rb"\\\1", self._keys.file("").encode()) + b"*"
        keys = self._redis.scan_iter(pattern, count=1000)
        while group := tuple(islice(keys, _FILES_PER_TRIP)):
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
                yield StoredFile(key.decode().removeprefix(self._keys.file("")), size, seconds - idle)
