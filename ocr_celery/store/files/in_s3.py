"""Files in S3, or what speaks its protocol, by obstore (extra `[s3]`): credentials and endpoint are the usual `AWS_…` variables.

obstore hangs in a process that was forked after its use, so a store is opened by the first call, never before a fork. A large
file travels in parts, so that no request takes long, and one that does not end means that the store is away.
"""

import logging
import os
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ocr_celery.errors import StoreFull, StoreUnavailable
from ocr_celery.store.files.contract import NoSuchFile, StoredFile, checked_name, is_name

if TYPE_CHECKING:
    from obstore.store import ObjectStore

log = logging.getLogger(__name__)

_PART = 5 * 1024 * 1024  #: bytes of one request; S3 takes no smaller parts
_PARTS_AT_ONCE = 4
_RETRIES: Any = {"max_retries": 2, "retry_timeout": timedelta(seconds=3)}  # obstore's own: ten within three minutes
_TIMEOUTS: Any = {"connect_timeout": timedelta(seconds=2), "timeout": timedelta(seconds=15)}
_URL_PASSWORD = re.compile(r"//[^/@\s]*@")  #: user and password in the address of an endpoint
_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")


class ObjectFileStore:
    """See `FileStore`. `open_objects`: makes obstore's store; called once, by the first use."""

    in_redis = False

    def __init__(self, open_objects: Callable[[], "ObjectStore"]) -> None:
        self._open_objects = open_objects
        self._objects: ObjectStore | None = None
        self._opening = threading.Lock()
        self._owner = 0  # the process that opened it

    def put(self, name: str, data: bytes) -> None:
        """See `FileStore`."""
        import obstore

        checked_name(name)
        with self._translated(name):
            obstore.put(self._store(), name, data, chunk_size=_PART, max_concurrency=_PARTS_AT_ONCE)

    def put_file(self, name: str, path: Path) -> None:
        """See `FileStore`."""
        import obstore

        checked_name(name)
        with self._translated(name):
            obstore.put(self._store(), name, path, chunk_size=_PART, max_concurrency=_PARTS_AT_ONCE)

    def get(self, name: str) -> bytes:
        """See `FileStore`."""
        import obstore

        with self._translated(name):
            return bytes(obstore.get(self._store(), _existing(name)).bytes())

    def fetch(self, name: str, path: Path) -> int:
        """See `FileStore`."""
        size, pieces = self.pieces(name)
        with path.open("xb") as file:
            file.writelines(pieces)
        return size

    def pieces(self, name: str) -> tuple[int, Iterator[bytes]]:
        """See `FileStore`."""
        part, size = self._first_part(name)
        rest = (self._part(name, start, min(start + _PART, size)) for start in range(len(part), size, _PART))
        return size, chain([part], rest)

    def delete(self, *names: str) -> None:
        """See `FileStore`."""
        import obstore

        found = list(filter(is_name, names))
        if found:
            with self._translated():
                obstore.delete(self._store(), found)

    def list(self) -> Iterator[StoredFile]:
        """See `FileStore`."""
        import obstore

        with self._translated():
            groups = iter(obstore.list(self._store()))
            while group := next(groups, None):
                for found in group:
                    if is_name(found["path"]):
                        yield StoredFile(found["path"], found["size"], found["last_modified"].timestamp())

    def _first_part(self, name: str) -> tuple[bytes, int]:
        """The beginning of a file, and the size of all of it."""
        import obstore

        with self._translated(name):
            found = obstore.get(self._store(), _existing(name), options={"range": (0, _PART)})
            return bytes(found.bytes()), found.meta["size"]

    def _part(self, name: str, start: int, end: int) -> bytes:
        import obstore

        with self._translated(name):
            return bytes(obstore.get_range(self._store(), name, start=start, end=end))

    def _store(self) -> "ObjectStore":
        with self._opening:
            if self._objects is None:
                self._objects, self._owner = self._open_objects(), os.getpid()
            if self._owner != os.getpid():
                raise RuntimeError("the store in S3 was used before this process was forked, and would hang in it")
            return self._objects

    @contextmanager
    def _translated(self, name: str = "") -> Iterator[None]:
        """What obstore says, as an error that says what to do; its own text goes to the log."""
        from obstore.exceptions import BaseError

        try:
            yield
        except (BaseError, OSError) as exc:
            text = str(exc)
            if isinstance(exc, FileNotFoundError) and "NoSuchBucket" not in text:
                raise NoSuchFile(name) from None
            log.warning("store of files: %.300s", _URL_PASSWORD.sub("//", text.partition("\n")[0]))
            raise explained(text) from exc


def open_s3(bucket: str, prefix: str) -> "ObjectStore":
    """obstore's store for the objects of a bucket whose keys begin with `prefix/`; connects to nothing."""
    from obstore.store import S3Store

    endpoint = next((value for name in _ENDPOINTS if (value := os.environ.get(name))), "")
    config: Any = {"endpoint": endpoint} if endpoint else {}
    options: Any = {**_TIMEOUTS, "allow_http": endpoint.startswith("http://")}
    return S3Store(bucket, prefix=prefix, config=config, client_options=options, retry_config=_RETRIES)


def _existing(name: str) -> str:
    if not is_name(name):
        raise NoSuchFile(name)
    return name


def explained(text: str) -> StoreFull | StoreUnavailable:
    """The error for what obstore says of any trouble but a missing file."""
    if "507 Insufficient Storage" in text or "QuotaExceeded" in text:
        return StoreFull()
    if "NoSuchBucket" in text:
        return StoreUnavailable("The store of files has no such bucket: make it, or correct OCR_STORE.")
    if "403 Forbidden" in text or "401 Unauthorized" in text:
        return StoreUnavailable(
            "The store of files refuses this service's credentials: see AWS_ACCESS_KEY_ID, OCR_STORE."
        )
    return StoreUnavailable()
