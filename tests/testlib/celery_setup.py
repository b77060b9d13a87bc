"""pytest-celery's setup, over processes of this machine in place of containers, and what the tests ask of it."""

import json
import signal
from typing import Any

from celery import Celery
from celery.result import AsyncResult
from pytest_celery import CeleryTestSetup, CeleryTestWorker

from ocr_celery.client import Client
from ocr_celery.core.status import Status
from ocr_celery.settings import Settings
from tests.testlib.processes import RedisServer, Worker, keys, until, waiting


class RedisProcess:
    """What pytest-celery asks of a container, answered by the Redis of this test process, which outlives a setup."""

    name = "redis"

    def __init__(self, server: RedisServer) -> None:
        self.server = server

    @property
    def celeryconfig(self) -> dict[str, str]:
        """Its address."""
        return {"url": self.server.url, "host_url": self.server.url}

    def ready(self) -> bool:
        """It answers."""
        return bool(self.server.client.ping())

    def teardown(self) -> None:
        """Nothing: the next module empties it."""


class WorkerProcess:
    """What pytest-celery asks of a container, answered by a worker process."""

    def __init__(self, worker: Worker) -> None:
        self.process = worker

    @property
    def name(self) -> str:
        """The worker's node name."""
        return self.process.name

    @property
    def status(self) -> str:
        """As Docker says it."""
        return "running" if self.process.process.poll() is None else "exited"

    def worker_name(self) -> str:
        """The part of its name before the @."""
        return self.process.name.partition("@")[0]

    def worker_queue(self) -> str:
        """The queue it reads."""
        return "ocr"

    def logs(self) -> str:
        """All it has logged."""
        return self.process.log

    def ready(self) -> bool:
        """Wait until it consumes."""
        self.process.wait_ready()
        return True

    def kill(self, signal: str | int = signal.SIGKILL) -> None:
        """Send it a signal, and wait for its end."""
        self.process.signal(_number(signal))
        self.process.wait()

    def reload(self) -> None:
        """A process needs no second look."""

    def teardown(self) -> None:
        """End it."""
        self.process.end()


def _number(name: str | int) -> int:
    return signal.Signals[name] if isinstance(name, str) else name


class OcrWorker(CeleryTestWorker):  # type: ignore[misc]
    """An ocr-celery worker process."""

    def hostname(self) -> str:
        """Its node name, as in `inspect`."""
        return str(self.name())

    def name(self) -> str:
        """The same; pytest-celery asks the container for it."""
        return str(self.container.name)


class OcrSetup(CeleryTestSetup):  # type: ignore[misc]
    """An empty Redis, a worker with the scripted engine, and a client whose settings fit it."""

    client: Client  #: set by the fixture `celery_setup`

    @classmethod
    def name(cls) -> str:
        """The application's name."""
        return "ocr_celery"

    @classmethod
    def create_client(cls, redis: RedisServer, settings: dict[str, object]) -> Client:
        """A client, for a worker with these settings."""
        ttl = int(str(settings.get("OCR_TASK_TTL", 3600)))
        return Client(Settings(redis_url=redis.url, max_queue_size=10_000, task_ttl=ttl))

    @property
    def app(self) -> Celery:
        """The client's application."""
        return self._app

    @property
    def redis(self) -> RedisServer:
        """The broker's server."""
        server: RedisServer = self.broker.container.server
        return server

    def send(self, task: str, *args: object, **options: Any) -> AsyncResult:
        """As any other service would: by name alone, with Celery's own options."""
        return self.app.send_task(task, list(args), **options)

    def result(self, id: str) -> AsyncResult:
        """What Celery says of a task."""
        return AsyncResult(id, app=self.app)

    def stored(self, id: str) -> dict[str, Any]:
        """Celery's record of a task, as it lies in Redis."""
        return dict(json.loads(self.redis.client.get(keys.meta(id)) or "{}"))

    def messages(self, queue: str) -> list[list[Any]]:
        """The ``[args, kwargs, embed]`` of the messages in a queue without a consumer, newest first."""
        return [content(text) for text in self.redis.client.lrange(queue, 0, -1)]

    def pool(self) -> dict[str, Any]:
        """What `inspect stats` says of the pool."""
        return dict(self.inspect().stats()[self.worker.hostname()]["pool"])

    def inspect(self) -> Any:
        return self.app.control.inspect([self.worker.hostname()], timeout=30)

    def revoke(self, id: str, *, terminate: bool = False) -> None:
        """Revoke a task; the worker has heard of it when this returns."""
        assert self.app.control.revoke(
            id, terminate=terminate, reply=True, timeout=30, destination=[self.worker.hostname()]
        )

    def open_tasks(self) -> int:
        """How many places of OCR_MAX_QUEUE_SIZE are taken."""
        stats = self.client.stats()
        return stats.pending + stats.processing

    def is_settled(self) -> bool:
        """Nothing waits, nothing is held, no image that came with a task is left, no task is open."""
        return settled(self.redis)


def settled(redis: RedisServer) -> bool:
    held = [redis.client.hlen(key) for key in redis.client.scan_iter(keys.unacked("*"))]
    blobs = [key for key in redis.client.scan_iter(keys.file("*")) if redis.client.ttl(key) < 0]
    open_tasks = redis.client.zcard(keys.counted(Status.PENDING)) + redis.client.zcard(keys.counted(Status.PROCESSING))
    return not sum(held) and not blobs and not open_tasks and not waiting(redis.client)


def until_settled(redis: RedisServer) -> None:
    until(lambda: settled(redis), what="nothing waits, is held, open or left over")


def content(message: bytes) -> list[Any]:
    """The ``[args, kwargs, embed]`` in a message as kombu puts it into a Redis list."""
    from base64 import b64decode

    return list(json.loads(b64decode(json.loads(message)["body"])))
