"""The worker's spool: a file of the store that many pages are read from is fetched once, into a folder of bounded size.

The files used longest ago go first, and none while it is in use. One that is not used for a minute goes anyway: what a task's
sender has deleted must not stay here. The folder belongs to one process (spool_folder.py).
"""

import errno
import tempfile
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ocr_celery.consumer.spool_folder import SpoolFolder
from ocr_celery.consumer.stored_files import StoredFiles
from ocr_celery.errors import StoreFull, StoreUnavailable

_MAX_IDLE = 60.0  #: seconds that a file stays which nobody uses
_FULL = (errno.ENOSPC, errno.EDQUOT)


@dataclass(eq=False)
class _Entry:
    path: Path
    users: int = 0
    size: int = 0  #: bytes
    used_at: float = 0.0  #: when it was used last, by the monotonic clock
    fetched: threading.Event = field(default_factory=threading.Event)
    error: Exception | None = None  #: why it could not be fetched


class Spool:
    """The files of `files`, by their reference. Safe to share between threads.

    `max_bytes`: what they may take, where those in use do not need more; 0: none is kept for a next use.
    `max_idle`: seconds that one stays without being used.
    `parent`: the folder in which it makes its own; that of temporary files by default.
    """

    def __init__(
        self, files: StoredFiles, *, max_bytes: int, max_idle: float = _MAX_IDLE, parent: Path | None = None
    ) -> None:
        self._files, self._max_bytes, self._max_idle = files, max_bytes, max_idle
        self._own_folder = SpoolFolder(parent or Path(tempfile.gettempdir()))
        self.folder = self._own_folder.path
        self._lock = threading.Lock()
        self._entries: OrderedDict[str, _Entry] = OrderedDict()  # the one used last at the end
        self._count = 0
        self._timer: threading.Timer | None = None  # while there are files that nobody uses
        self._closed = False

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
        with self._lock:
            timer, self._timer, self._closed = self._timer, None, True
        if timer is not None:
            timer.cancel()
        self._own_folder.close()

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
            entry.used_at = time.monotonic()
        self._evict(self._max_bytes)
        self._look_again()

    def _look_again(self) -> None:
        """Look for idle files later, in thread "idle-files", as long as there are any."""
        with self._lock:
            waiting = [entry.used_at for entry in self._entries.values() if not entry.users]
            if waiting and self._timer is None and not self._closed:
                pause = max(0.0, min(waiting) + self._max_idle - time.monotonic())
                self._timer = threading.Timer(pause, self._drop_idle)
                self._timer.name, self._timer.daemon = "idle-files", True
                self._timer.start()

    def _drop_idle(self) -> None:
        with self._lock:
            self._timer, now = None, time.monotonic()
            for name, entry in list(self._entries.items()):
                if not entry.users and now >= entry.used_at + self._max_idle:
                    del self._entries[name]
                    entry.path.unlink(missing_ok=True)
        self._look_again()

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
