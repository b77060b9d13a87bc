"""One worker, shared by the tests of a module, and what they ask of it."""

import json
from typing import Any

from celery.result import AsyncResult

from ocr_celery.client import Client
from ocr_celery.core.status import Status
from ocr_celery.settings import Settings
from tests.testlib.processes import RedisServer, Worker, keys, until


class Service:
    """A Redis that is empty when the module begins, a worker, and a client with settings that fit it."""

    def __init__(self, redis: RedisServer, settings: dict[str, object]) -> None:
        self.redis = redis
        self.worker = Worker("w1", redis.url, settings)
        ttl = int(str(settings.get("OCR_TASK_TTL", 3600)))
        self.client = Client(Settings(redis_url=redis.url, max_queue_size=10_000, task_ttl=ttl))
        self.app = self.client.app
        self.worker.wait_ready()

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
        """The ``[args, kwargs, embed]`` of what waits in a queue that nobody reads, newest first."""
        return [content(text) for text in self.redis.client.lrange(queue, 0, -1)]

    def pool(self) -> dict[str, Any]:
        """What `inspect stats` says of the pool."""
        return dict(self.inspect().stats()[self.worker.name]["pool"])

    def inspect(self) -> Any:
        return self.app.control.inspect([self.worker.name], timeout=30)

    def revoke(self, id: str, *, terminate: bool = False) -> None:
        """Revoke a task; the worker has heard of it when this returns."""
        assert self.app.control.revoke(id, terminate=terminate, reply=True, timeout=30, destination=[self.worker.name])

    def open_tasks(self) -> int:
        """How many places of OCR_MAX_QUEUE_SIZE are taken."""
        stats = self.client.stats()
        return stats.pending + stats.processing

    def is_settled(self) -> bool:
        """Nothing waits, nothing is held, no image that came with a task is left, no task is open."""
        return settled(self.redis)


def settled(redis: RedisServer) -> bool:
    held = [redis.client.hlen(key) for key in redis.client.scan_iter(keys.unacked("*"))]
    blobs = [key for key in redis.client.scan_iter(keys.blob("*")) if redis.client.ttl(key) < 0]
    open_tasks = redis.client.zcard(keys.counted(Status.PENDING)) + redis.client.zcard(keys.counted(Status.PROCESSING))
    return not sum(held) and not blobs and not open_tasks and not redis.client.llen("ocr")


def until_settled(redis: RedisServer) -> None:
    until(lambda: settled(redis), what="nothing waits, is held, open or left over")


def content(message: bytes) -> list[Any]:
    """The ``[args, kwargs, embed]`` in a message as kombu puts it into a Redis list."""
    from base64 import b64decode

    return list(json.loads(b64decode(json.loads(message)["body"])))
