"""Files in a folder of the machine, or one that all machines of the service mount.

A file is written beside its place, synced, and renamed into it, so that no crash leaves half of one. A marker file in the
folder tells an empty store from a folder that is not mounted, whose files would look as if they had been deleted; Redis knows
which folders have had one, so that none is made again in place of a mount that is missing.
"""

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Protocol
from uuid import uuid4

from ocr_celery.errors import StoreFull, StoreUnavailable
from ocr_celery.store.files.contract import NoSuchFile, StoredFile, checked_name, is_name

MARKER_FILE = ".ocr-store"  #: no name of a file begins with a dot
_NOT_MOUNTED = (
    "The store of files, {folder}, is not mounted, as it has no {mark}. Mount it; or, where its files are gone for good, "
    "make that file."
)
_PIECE = 1024 * 1024  #: bytes
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class KnownStores(Protocol):
    """Remembers which folders have been stores. Both raise `RedisError`."""

    def is_known(self, folder: str) -> bool:
        """Whether it was noted before, by any process."""

    def note(self, folder: str) -> None:
        """It is in use."""


class FolderStore:
    """See `FileStore`. The folder is made by the first `put`, readable by its owner only, as each file is.

    `known`: the folders that were in use before; without them each may be made.
    """

    in_redis = False

    def __init__(self, folder: Path, *, known: KnownStores | None = None) -> None:
        self.folder = folder
        self._known = known
        self._is_noted = known is None  # among those that are known

    def put(self, name: str, data: bytes) -> None:
        """See `FileStore`."""
        self._put(name, lambda file: _write_all(file, data))

    def put_file(self, name: str, path: Path) -> None:
        """See `FileStore`."""
        with path.open("rb") as source:
            self._put(name, lambda file: shutil.copyfileobj(source, file, _PIECE))

    def _put(self, name: str, write: Callable[[BinaryIO], None]) -> None:
        path = self.folder / checked_name(name)
        # should this process die, it is swept like any file without a task
        unfinished = path.with_name(f"{name}.{uuid4().hex}")
        with self._translated():
            self._make_folder()
            try:
                _write_synced(unfinished, write)
                unfinished.replace(path)
            except BaseException:
                with suppress(OSError):
                    unfinished.unlink(missing_ok=True)
                raise
            _sync(self.folder)

    def get(self, name: str) -> bytes:
        """See `FileStore`."""
        with self._opened(name) as file, self._translated():
            return file.read()

    def fetch(self, name: str, path: Path) -> int:
        """See `FileStore`. A second name of the same file where both are on one disk: a stored file is never changed."""
        with self._opened(name) as file:
            try:
                path.hardlink_to(self.folder / name)
            except OSError:  # another disk, or not allowed
                with path.open("xb") as copy:
                    shutil.copyfileobj(file, copy)
            return os.fstat(file.fileno()).st_size

    def pieces(self, name: str) -> tuple[int, Iterator[bytes]]:
        """See `FileStore`."""
        with self._translated():
            file = self._open(name)
            return os.fstat(file.fileno()).st_size, self._read(file)

    def _read(self, file: BinaryIO) -> Iterator[bytes]:
        with file:
            while piece := self._piece(file):
                yield piece

    def _piece(self, file: BinaryIO) -> bytes:
        with self._translated():
            return file.read(_PIECE)

    def delete(self, *names: str) -> None:
        """See `FileStore`."""
        with self._translated():
            for name in filter(is_name, names):
                (self.folder / name).unlink(missing_ok=True)

    def list(self) -> Iterator[StoredFile]:
        """See `FileStore`."""
        with self._translated(), suppress(FileNotFoundError), os.scandir(self.folder) as entries:
            for entry in entries:
                if is_name(entry.name) and entry.is_file(follow_symlinks=False):
                    with suppress(FileNotFoundError):
                        found = entry.stat(follow_symlinks=False)
                        yield StoredFile(entry.name, found.st_size, found.st_mtime)

    @contextmanager
    def _opened(self, name: str) -> Iterator[BinaryIO]:
        """The file, open. Raises `NoSuchFile`, and `StoreUnavailable` where the whole folder is missing."""
        with self._translated():
            file = self._open(name)
        with file:
            yield file

    def _open(self, name: str) -> BinaryIO:
        with suppress(FileNotFoundError):
            if is_name(name):
                return (self.folder / name).open("rb")
        if (self.folder / MARKER_FILE).exists():
            raise NoSuchFile(name)
        raise StoreUnavailable(_NOT_MOUNTED.format(folder=self.folder, mark=MARKER_FILE))

    def _make_folder(self) -> None:
        """Make the folder and its mark where it has never been in use."""
        mark = self.folder / MARKER_FILE
        if not mark.exists():
            if self._known is not None and self._known.is_known(str(self.folder)):
                raise StoreUnavailable(_NOT_MOUNTED.format(folder=self.folder, mark=MARKER_FILE))
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            mark.touch(mode=0o600)
        if self._known is not None and not self._is_noted:
            self._known.note(str(self.folder))
            self._is_noted = True

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """What the system says, as an error that says what to do."""
        try:
            yield
        except OSError as exc:
            if exc.errno in _FULL:
                raise StoreFull from exc
            reason = exc.strerror or type(exc).__name__
            raise StoreUnavailable(
                f"The store of files, {self.folder}, cannot be used: {reason}; see OCR_STORE."
            ) from exc


def _write_all(file: BinaryIO, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]


def _write_synced(path: Path, write: Callable[[BinaryIO], None]) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "wb", buffering=0) as file:
        write(file)
        os.fsync(descriptor)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError as exc:
        if exc.errno != errno.EINVAL:  # some network file systems sync no folder
            raise
    finally:
        os.close(descriptor)
