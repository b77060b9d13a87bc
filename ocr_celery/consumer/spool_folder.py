"""The folder of a spool, which belongs to one process and is locked by it.

So the next process of the machine finds and removes what a killed one left.
"""

import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_PREFIX = f"ocr-spool-{os.getuid()}-"
_LOCK = "lock"


class SpoolFolder:
    """A new folder in `parent`. Those of processes that are gone are removed. Raises `OSError`."""

    def __init__(self, parent: Path) -> None:
        with _one_at_a_time(parent):
            _remove_abandoned(parent)
            self.path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
            self._lock_file = _open_lock(self.path / _LOCK)
            fcntl.flock(self._lock_file, fcntl.LOCK_EX)

    def close(self) -> None:
        """Remove it with all that is in it."""
        shutil.rmtree(self.path, ignore_errors=True)
        with suppress(OSError):
            os.close(self._lock_file)


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
