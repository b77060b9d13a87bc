"""The worker's spool: a file of the store that many pages are read from is fetched once, into a folder of bounded size.

The files used longest ago go first, and none while it is in use. The folder belongs to one process and is locked by it, so that
the next worker of the machine finds and removes what a killed one left.
"""

import errno
import fcntl
import os
import shutil
import stat
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from ocr_celery.consumer.stored_files import StoredFiles
from ocr_celery.errors import StoreFull, StoreUnavailable

_PREFIX = f"ocr-spool-{os.getuid()}-"
_LOCK = "lock"
_FULL = (errno.ENOSPC, errno.EDQUOT)


@dataclass(eq=False)
class _Entry:
    path: Path
    users: int = 0
    size: int = 0  #: bytes
    fetched: threading.Event = field(default_factory=threading.Event)
    error: Exception | None = None  #: why it could not be fetched


class Spool:
    """The files of `files`, by their reference. Safe to share between threads.

    `max_bytes`: what they may take, where those in use do not need more.
    `parent`: the folder in which it makes its own; that of temporary files by default.
    """

    def __init__(self, files: StoredFiles, *, max_bytes: int, parent: Path | None = None) -> None:
        self._files, self._max_bytes = files, max_bytes
        parent = parent or Path(tempfile.gettempdir())
        with _one_at_a_time(parent):
            _remove_abandoned(parent)
            self.folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
            self._lock_file = _open_lock(self.folder / _LOCK)
            fcntl.flock(self._lock_file, fcntl.LOCK_EX)
        self._lock = threading.Lock()
        self._entries: OrderedDict[str, _Entry] = OrderedDict()  # the one used last at the end
        self._count = 0

    @contextmanager
    def path(self, reference: str) -> Iterator[Path]:
        """The file, in the spool until this context ends. Blocks while it is fetched, which one caller does for all.

        Raises `ImageExpired`, `StoreUnavailable`, `StoreFull` where the spool's disk is full, and `RedisError`.
        """
        entry, first = self._acquire(reference)
        try:
            if first:
                self._fetch(reference, entry)
            else:
                entry.fetched.wait()
            if entry.error is not None:
                raise entry.error
            yield entry.path
        finally:
            self._release(reference, entry)

    @contextmanager
    def hold(self, data: bytes) -> Iterator[Path]:
        """A file of these bytes, which no reference names, in the spool until this context ends.

        Raises `StoreFull` where the spool's disk is full, and `StoreUnavailable`.
        """
        with self._lock:
            path = self._new_path()
        try:
            self._write_making_room(lambda: path.write_bytes(data), path)
            yield path
        finally:
            path.unlink(missing_ok=True)

    def close(self) -> None:
        """Remove the folder with all that is in it."""
        shutil.rmtree(self.folder, ignore_errors=True)
        with suppress(OSError):
            os.close(self._lock_file)

    def _acquire(self, reference: str) -> tuple[_Entry, bool]:
        """The file's entry, counted as in use, and whether the caller has to fetch it."""
        with self._lock:
            entry = self._entries.get(reference)
            first = entry is None
            if entry is None:
                entry = self._entries[reference] = _Entry(self._new_path())
            entry.users += 1
            self._entries.move_to_end(reference)
            return entry, first

    def _new_path(self) -> Path:
        self._count += 1
        return self.folder / f"file-{self._count}"

    def _fetch(self, reference: str, entry: _Entry) -> None:
        try:
            entry.size = self._write_making_room(lambda: self._files.fetch(reference, entry.path), entry.path)
        except Exception as exc:
            entry.error = exc
            entry.path.unlink(missing_ok=True)
        except BaseException as exc:
            entry.error = StoreUnavailable(f"The file was not fetched: {exc!r}.")
            raise
        finally:
            if entry.error is not None:  # the next caller tries again
                with self._lock:
                    if self._entries.get(reference) is entry:
                        del self._entries[reference]
            entry.fetched.set()
        self._evict(self._max_bytes)

    def _write_making_room(self, write: Callable[[], int], path: Path) -> int:
        """Write the file at `path`, which `write` does; where the disk is full, once more without those not in use."""
        try:
            return write()
        except OSError as exc:
            path.unlink(missing_ok=True)
            if exc.errno not in _FULL:
                raise _unwritable(self.folder, exc) from exc
        self._evict(0)
        try:
            return write()
        except OSError as exc:
            raise _unwritable(self.folder, exc) from exc

    def _release(self, reference: str, entry: _Entry) -> None:
        with self._lock:
            entry.users -= 1
        self._evict(self._max_bytes)

    def _evict(self, max_bytes: int) -> None:
        """Remove the files used longest ago until the rest fits; those in use stay."""
        with self._lock:
            size = sum(entry.size for entry in self._entries.values())
            idle = [(name, entry) for name, entry in self._entries.items() if not entry.users]
            gone = []
            for name, entry in idle:
                if size <= max_bytes:
                    break
                size -= entry.size
                gone.append(self._entries.pop(name).path)
        for path in gone:
            path.unlink(missing_ok=True)


def _unwritable(folder: Path, exc: OSError) -> StoreFull | StoreUnavailable:
    if exc.errno in _FULL:
        return StoreFull(f"The disk of the worker's spool, {folder}, is full: make room there, or set TMPDIR.")
    return StoreUnavailable(f"The worker's spool, {folder}, cannot be written: {exc.strerror}; see TMPDIR.")


@contextmanager
def _one_at_a_time(parent: Path) -> Iterator[None]:
    """So that no starting process takes the folder of another for abandoned before it is locked."""
    lock = _open_lock(parent / f"{_PREFIX}start")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _remove_abandoned(parent: Path) -> None:
    """Remove the folders of processes that are gone: their locks are free."""
    for folder in parent.glob(f"{_PREFIX}*"):
        with suppress(OSError):
            found = folder.lstat()
            if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
                continue
            lock = _open_lock(folder / _LOCK)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(lock)


def _open_lock(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
