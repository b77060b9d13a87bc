"""OCR_DATA_DIR: the folder that one `make run` owns, with its lock, its Redis data and its socket."""

import fcntl
import os
import re
import stat
import tempfile
import time
from hashlib import sha256
from pathlib import Path

from ocr_celery.local import LocalRunError

_MAX_SOCKET_PATH = 100  #: bytes; a unix socket's path may have 107 on Linux and 103 on macOS
_URL_SAFE = re.compile(r"[\w./-]+", re.ASCII)  #: paths that need no escaping in a URL


class DataDir:
    """OCR_DATA_DIR as an absolute path."""

    def __init__(self, path: Path) -> None:
        self.path = path.expanduser().absolute()

    @property
    def display_path(self) -> str:
        """The folder's path, relative to the current folder if it is inside it."""
        try:
            return str(self.path.relative_to(Path.cwd())) or "."
        except ValueError:
            return str(self.path)

    def create(self) -> None:
        """Create the folder, readable by its owner only. Raises `LocalRunError`."""
        try:
            (self.path / "redis").mkdir(mode=0o700, parents=True, exist_ok=True)
            self.path.chmod(0o700)
        except OSError as exc:
            raise LocalRunError(
                f"OCR_DATA_DIR={self.path} cannot be used: {exc.strerror}; set it to a folder that you can write to"
            ) from None

    @property
    def socket(self) -> Path:
        """Where Redis listens: in the folder, or in a temporary one if that path is too long or needs escaping."""
        here = self.path / "redis.sock"
        if len(os.fsencode(here)) <= _MAX_SOCKET_PATH and _URL_SAFE.fullmatch(str(here)):
            return here
        name = f"ocr-{os.getuid()}-{sha256(os.fsencode(self.path)).hexdigest()[:12]}"
        return Path(tempfile.gettempdir()) / name / "redis.sock"

    def create_socket_folder(self) -> None:
        """Create the folder of the socket. Raises `LocalRunError` if others can write to it: they could listen in our place."""
        folder = self.socket.parent
        if folder == self.path:
            return
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
            raise LocalRunError(
                f"{folder} belongs to another user or is open to others: set OCR_DATA_DIR to a folder with a shorter path"
            )

    @property
    def redis_url(self) -> str:
        """The URL of this folder's own Redis."""
        return f"redis+socket://{self.socket}"

    @property
    def store_address(self) -> str:
        """The address of this folder's own store of files."""
        return (self.path / "files").as_uri()

    @property
    def service_url(self) -> Path:
        """A file that holds the address of the facade while it runs, for `ocr-celery` (cli/service_address.py)."""
        return self.path / "service.url"

    def lock(self, *, timeout: float) -> int:
        """Take the lock of this folder and return its descriptor, which must stay open.

        Raises `LocalRunError` if another run has it. After a run that was killed, its orphan reaper keeps the lock until
        all programs have stopped, which is waited for up to `timeout` seconds.
        """
        lock = os.open(self.path / "run.lock", os.O_RDWR | os.O_CREAT, 0o600)
        deadline = time.monotonic() + timeout
        while not _try_lock(lock):
            pid = int(os.pread(lock, 20, 0) or 0)
            if _is_alive(pid) or time.monotonic() > deadline:
                os.close(lock)
                raise LocalRunError(
                    f"already running in {self.display_path} (pid {pid}); "
                    "to run a second one: OCR_DATA_DIR=.ocr2 OCR_PORT=8001 make run"
                )
            time.sleep(0.1)
        os.ftruncate(lock, 0)
        os.pwrite(lock, str(os.getpid()).encode(), 0)
        return lock


def _try_lock(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return pid > 0
