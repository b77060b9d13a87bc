"""Which Redis server `make run` starts, and what it says of one that cannot be used."""

from pathlib import Path

import pytest

from ocr_celery.local import LocalRunError, redis
from ocr_celery.local.data_dir import DataDir


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on PATH; there is no bundled server."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(redis, "_bundled_server", lambda: None)
    return tmp_path


def install(folder: Path, name: str, says: str) -> str:
    program = folder / name
    program.write_text(f"#!/bin/sh\necho '{says}'\n")
    program.chmod(0o755)
    return str(program)


def test_a_server_that_is_new_enough_is_used(path: Path) -> None:
    server = install(path, "redis-server", "Redis server v=7.0.15 sha=00000000:0 malloc=libc bits=64")
    assert redis.find_server() == server


def test_valkey_is_used_where_redis_is_too_old(path: Path) -> None:
    install(path, "redis-server", "Redis server v=5.0.7 sha=00000000:0")
    server = install(path, "valkey-server", "Valkey server v=8.1.0 sha=00000000:0")
    assert redis.find_server() == server


def test_the_bundled_server_is_used_where_none_is_installed(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis, "_bundled_server", lambda: "/bundled/valkey-server")
    assert redis.find_server() == "/bundled/valkey-server"


def test_without_a_server_it_says_what_was_found_and_what_to_do(path: Path) -> None:
    with pytest.raises(LocalRunError, match="there is no redis-server on PATH: install one, or set REDIS_URL=redis://"):
        redis.find_server()
    install(path, "redis-server", "Redis server v=5.0.7 sha=00000000:0")
    install(path, "valkey-server", "cannot start")
    with pytest.raises(LocalRunError, match=r"redis-server is version 5\.0; .*valkey-server does not start: install"):
        redis.find_server()


def test_a_server_that_does_not_start_is_reported_with_the_end_of_its_log(tmp_path: Path) -> None:
    folder = DataDir(tmp_path)
    redis.log_path(folder).write_text("".join(f"line {n}\n" for n in range(20)))
    message = redis.log_tail(folder)
    assert message.startswith("Redis does not start. The end of its log:\n  line 12\n")
    assert message.endswith(
        f"\nIf another version of Redis wrote its data: move {tmp_path}/redis away (it holds the queue)."
    )
