"""The folder that one `make run` owns: its lock, its Redis data, its socket."""

import fcntl
import os
import re
import stat
import tempfile
import time
from hashlib import sha256
from pathlib import Path

from ocr_celery.local import StartupError

_MAX_SOCKET_PATH = 100  #: bytes; a unix socket's path may have 107 on Linux and 103 on macOS
_URL_SAFE = re.compile(r"[\w./-]+", re.ASCII)  #: what goes into a URL as it is


class DataDir:
    """OCR_DATA_DIR, made if need be and readable by its owner alone."""

    def __init__(self, path: Path) -> None:
        self.path = path.expanduser().absolute()

    @property
    def display_path(self) -> str:
        """The folder as a person here would write it."""
        try:
            return str(self.path.relative_to(Path.cwd())) or "."
        except ValueError:
            return str(self.path)

    def create(self) -> None:
        """Raises `StartupError`."""
        try:
            (self.path / "redis").mkdir(mode=0o700, parents=True, exist_ok=True)
            self.path.chmod(0o700)
        except OSError as exc:
            raise StartupError(f"OCR_DATA_DIR={self.path} cannot be used: {exc.strerror}") from None

    @property
    def socket(self) -> Path:
        """Where Redis listens: in the folder, or in a temporary one where that path is too long or odd."""
        here = self.path / "redis.sock"
        if len(os.fsencode(here)) <= _MAX_SOCKET_PATH and _URL_SAFE.fullmatch(str(here)):
            return here
        name = f"ocr-{os.getuid()}-{sha256(os.fsencode(self.path)).hexdigest()[:12]}"
        return Path(tempfile.gettempdir()) / name / "redis.sock"

    def create_socket_folder(self) -> None:
        """Others may have made a folder of that name first, to listen in our place. Raises `StartupError`."""
        folder = self.socket.parent
        if folder == self.path:
            return
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
            raise StartupError(f"{folder} belongs to somebody else: set OCR_DATA_DIR to a folder with a shorter path")

    @property
    def redis_url(self) -> str:
        """The URL of the Redis that runs here."""
        return f"redis+socket://{self.socket}"

    @property
    def service_url(self) -> Path:
        """A file that holds the address of the facade while it runs, for `ocr-celery` (cli/service_address.py)."""
        return self.path / "service.url"

    def lock(self, *, patience: float) -> int:
        """Become the one run of this folder and return the lock's descriptor, which must stay open. Raises `StartupError`.

        A run that was killed leaves a guard behind, which holds the lock until everything is stopped: up to `patience`
        seconds.
        """
        lock = os.open(self.path / "run.lock", os.O_RDWR | os.O_CREAT, 0o600)
        deadline = time.monotonic() + patience
        while not _try_lock(lock):
            pid = int(os.pread(lock, 20, 0) or 0)
            if _is_alive(pid) or time.monotonic() > deadline:
                os.close(lock)
                raise StartupError(
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
