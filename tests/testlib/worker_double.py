"""A worker's part in the tests of the facade: the states that a worker would write, by the same calls."""

from collections.abc import Callable
from typing import Any

from celery.app.task import Context
from flask.testing import FlaskClient
from redis import Redis

from ocr_celery.client import Client
from ocr_celery.message import URL
from ocr_celery.store.keys import Keys

#: what a worker found on a page, but for its text
FOUND: dict[str, Any] = {
    "finish_reason": "stop",
    "verdict": "ok",
    "readings": 1,
    "prompt_tokens": 7,
    "output_tokens": 11,
    "width": 100,
    "height": 20,
    "engine": "scripted",
    "model": "scripted",
    "seconds": {"waited": 0.1, "prepared": 0.2, "read": 0.3},
}

Facade = Callable[..., FlaskClient]
Queued = Callable[[], list[tuple[str, Any, dict[str, Any]]]]


def _meta(value: str | bytes) -> Callable[["Redis", str], object]:
    return lambda redis, id: redis.set(KEYS.meta(id), value)


def _field(name: str, value: str | bytes) -> Callable[["Redis", str], object]:
    return lambda redis, id: redis.hset(KEYS.task(id), name, value)


def _of_another_type(key: Callable[[str], str]) -> Callable[["Redis", str], object]:
    def spoil(redis: "Redis", id: str) -> None:
        redis.delete(key(id))
        redis.lpush(key(id), "x")

    return spoil


KEYS = Keys("ocr")
#: what another program, or a hand, may have done to the record of a completed task
DAMAGED: list[Callable[["Redis", str], object]] = [
    *map(_meta, ("", "{", "[]", "null", "7", '"x"', "{}", b"\xff", '{"status": []}', '{"status": "SUCCESS"}')),
    *(_meta(f'{{"status": "SUCCESS", "result": {result}}}') for result in ("7", '"x"', "[]", "{}", '{"text": 7}')),
    _meta('{"status": "SUCCESS", "result": {"text": "a", "seconds": {"read": NaN}}}'),
    _meta('{"status": "SUCCESS", "result": {"text": "a", "pages": ' + "[" * 3000 + "]" * 3000 + "}}"),
    _meta('{"status": "FAILURE", "result": ["x"]}'),
    *(_field("created_at", value) for value in ("", "yesterday", "nan", b"\xff")),
    *(_field("updated_at", value) for value in ("", "inf")),
    *(_field("state", value) for value in ("", "DONE", b"\xff")),
    _of_another_type(KEYS.meta),
    _of_another_type(KEYS.task),
]


class WorkerDouble:
    """Does to tasks what a worker does, through the worker's own result backend."""

    def __init__(self) -> None:
        from ocr_celery.celery import process_app

        app = process_app()
        self.backend = app.backend

    def start(self, id: str) -> None:
        self.store(id, None, "STARTED")

    def complete(self, id: str, text: str = "# Title", **found: Any) -> None:
        self.store(id, {"text": text, **FOUND, **found}, "SUCCESS")

    def fail(self, id: str, error: Exception) -> None:
        self.store(id, error, "FAILURE")

    def store(self, id: str, result: Any, state: str, task: str = URL) -> None:
        self.backend.store_result(id, result, state, request=Context({"id": id, "task": task}))


def commands(client: Client, act: Callable[[], object]) -> list[str]:
    """What is sent to Redis by `act`, by whatever connection, and not from within a script."""
    with Redis.from_url(client.settings.redis_url) as watching, watching.monitor() as monitor:
        act()
        client.redis.echo("end")
        sent = []
        while not (seen := monitor.next_command())["command"].startswith("ECHO"):
            if seen["client_type"] != "lua":
                sent.append(seen["command"].split()[0])
    return sent
