"""What the facade's server checks before it listens, and what it tells clients once it does."""

import importlib
import json
import logging
import resource
import socket
import sys
from collections.abc import Callable, Iterator
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from gunicorn.config import Config
from redis.exceptions import ConnectionError as RedisConnectionError

from ocr_celery import logs
from ocr_celery.store.service_record import ServiceRecord
from tests.testlib.processes import RedisServer

Load = Callable[..., ModuleType]


@pytest.fixture
def load(redis: RedisServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Load]:
    """``load("web.gunicorn_conf", as_json=True, OCR_PORT=…)`` is that module as a server process imports it."""
    for name in ("web.gunicorn_conf", "web.wsgi"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    for name in ("GUNICORN_FD", "LISTEN_FDS"):
        monkeypatch.delenv(name, raising=False)
    files = resource.getrlimit(resource.RLIMIT_NOFILE)

    def load(name: str, *, as_json: bool = True, **env: object) -> ModuleType:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        given = {"REDIS_URL": redis.url, "OCR_HOST": "127.0.0.1", "OCR_PORT": port, **env}
        for key, value in given.items():
            monkeypatch.setenv(key, str(value))
        monkeypatch.setattr(logs, "start", lambda *_: as_json)
        return importlib.import_module(name)

    yield load
    resource.setrlimit(resource.RLIMIT_NOFILE, files)
    wsgi = sys.modules.get("web.wsgi")
    for name in ("web.gunicorn_conf", "web.wsgi"):
        sys.modules.pop(name, None)
    if wsgi is not None and hasattr(wsgi, "app"):
        wsgi.app.extensions["ocr_client"].redis.close()


class Server:
    """The part of gunicorn's arbiter that the hooks use."""

    def __init__(self) -> None:
        self.warnings: list[str] = []
        self.log = SimpleNamespace(warning=lambda text, *values: self.warnings.append(text % values))


def test_a_server_with_a_free_address_and_a_safe_redis_starts_without_a_word(load: Load) -> None:
    server = Server()
    load("web.gunicorn_conf").on_starting(server)
    assert server.warnings == []


def test_an_address_that_is_taken_ends_the_start_and_is_named(load: Load) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        conf = load("web.gunicorn_conf", OCR_PORT=taken.getsockname()[1])
        with pytest.raises(SystemExit, match=f"ocr-celery: .*{taken.getsockname()[1]}"):
            conf.on_starting(Server())


@pytest.mark.parametrize("name", ["GUNICORN_FD", "LISTEN_FDS"])
def test_a_socket_that_was_inherited_is_taken_although_its_address_is(load: Load, name: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as inherited:
        load("web.gunicorn_conf", OCR_PORT=inherited.getsockname()[1], **{name: "3"}).on_starting(Server())


def test_a_redis_that_evicts_pages_ends_the_start(load: Load, redis: RedisServer) -> None:
    redis.client.config_set("maxmemory-policy", "allkeys-lru")
    try:
        with pytest.raises(SystemExit, match="noeviction"):
            load("web.gunicorn_conf").on_starting(Server())
    finally:
        redis.client.config_set("maxmemory-policy", "noeviction")


def test_a_redis_that_is_down_is_a_warning(load: Load) -> None:
    server = Server()
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    load("web.gunicorn_conf", REDIS_URL=f"redis://127.0.0.1:{port}/0").on_starting(server)
    assert len(server.warnings) == 1
    assert "redis is not reachable yet" in server.warnings[0]
    assert "REDIS_URL" not in server.warnings[0]


def test_a_default_redis_that_is_down_is_said_to_be_the_default(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server()
    conf = load("web.gunicorn_conf", REDIS_URL="")

    def refuse(url: str) -> None:
        raise RedisConnectionError(f"nothing listens at {url}")

    monkeypatch.setattr(conf, "connect", refuse)
    conf.on_starting(server)
    assert server.warnings == [
        "redis is not reachable yet: nothing listens at redis://127.0.0.1:6379/0 (REDIS_URL is not set)"
    ]


def test_what_an_earlier_version_left_in_redis_is_a_warning(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    conf, server = load("web.gunicorn_conf"), Server()
    monkeypatch.setattr(conf, "earlier_layout", lambda _: "keys of an earlier version")
    conf.on_starting(server)
    assert server.warnings == ["keys of an earlier version"]


@pytest.mark.parametrize("name", ["web.gunicorn_conf", "web.wsgi"])
def test_settings_that_are_wrong_end_the_start_in_one_line(load: Load, name: str) -> None:
    with pytest.raises(SystemExit, match=r"^ocr-celery: .*OCR_WEB_THREADS[^\n]*$"):
        load(name, OCR_WEB_THREADS="many")


@pytest.mark.parametrize(("as_json", "said"), [(True, []), (False, ["listening at http://127.0.0.1:"])])
def test_a_terminal_is_told_the_address(
    load: Load, caplog: pytest.LogCaptureFixture, as_json: bool, said: list[str]
) -> None:
    conf = load("web.gunicorn_conf", as_json=as_json)
    with caplog.at_level(logging.INFO, logger="web"):
        conf.when_ready(None)
    assert [message[: len("listening at http://127.0.0.1:")] for message in caplog.messages] == said


@pytest.mark.parametrize(("as_json", "level"), [(True, logging.INFO), (False, logging.WARNING)])
def test_the_lines_of_gunicorn_go_through_the_root_logger(load: Load, as_json: bool, level: int) -> None:
    conf = load("web.gunicorn_conf", as_json=as_json)
    gunicorn = logging.getLogger("gunicorn.error")
    before: Any = gunicorn.handlers[:], gunicorn.propagate, gunicorn.level
    try:
        logger = conf.logger_class(Config())
        assert (logger.error_log.handlers, logger.error_log.propagate, logger.error_log.level) == ([], True, level)
    finally:
        gunicorn.handlers[:], gunicorn.propagate = before[:2]
        gunicorn.setLevel(before[2])


@pytest.mark.parametrize(("host", "bind"), [("127.0.0.1", "127.0.0.1:"), ("::1", "[::1]:")])
def test_an_address_of_ipv6_is_bound_in_brackets(load: Load, host: str, bind: str) -> None:
    assert load("web.gunicorn_conf", OCR_HOST=host).bind.startswith(bind)


def test_a_process_publishes_the_limits_of_its_facade(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    published: list[tuple[str, dict[str, Any]]] = []

    def publish(self: ServiceRecord, role: str, record: Callable[[float], str]) -> None:
        published.append((role, json.loads(record(1.0))))

    monkeypatch.setattr(ServiceRecord, "start_publishing", publish)
    load("web.gunicorn_conf", OCR_MAX_QUEUE_SIZE=17).post_worker_init(SimpleNamespace())
    ((role, record),) = published
    assert role == "facade"
    assert record["queue_limit"] == 17
