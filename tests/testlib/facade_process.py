"""The facade as it is in production: gunicorn, in separate processes."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from tests.testlib import fork_server
from tests.testlib.processes import free_port, until


class Served:
    """A running facade."""

    def __init__(self, redis_url: str, log: Path, settings: dict[str, object], limit_files: int = 0) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log_path = log
        ours = {"OCR_HOST": "127.0.0.1", "OCR_PORT": self.port, "OCR_WEB_PROCESSES": 1, "REDIS_URL": redis_url}
        self._limit_files = limit_files
        self._env = {**os.environ, **{name: str(value) for name, value in {**ours, **settings}.items()}}
        self.start()

    def start(self) -> None:
        """Start it, also after a `stop`."""
        command = ["-c", "python:web.gunicorn_conf", "web.wsgi:app"]
        with self.log_path.open("ab") as file:
            self.process = fork_server.start(
                "gunicorn", command, self._env, file.fileno(), limit_files=self._limit_files
            )

    @property
    def log(self) -> str:
        return self.log_path.read_text()

    def answers(self) -> bool:
        assert self.process.poll() is None, self.log
        try:
            return requests.get(self.url, timeout=5).ok
        except requests.ConnectionError:
            return False

    @property
    def worker_pid(self) -> int:
        """The process that answers."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return int(children.split()[0])

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(20)


@contextmanager
def served(redis_url: str, *, limit_files: int = 0, **settings: object) -> Iterator[Served]:
    """A facade that answers, for these settings. `limit_files`: each of its processes may open; 0 = as here."""
    with tempfile.TemporaryDirectory() as folder:
        server = Served(redis_url, Path(folder) / "log", settings, limit_files)
        try:
            until(server.answers, what="the facade answers")
            yield server
        finally:
            server.stop()
