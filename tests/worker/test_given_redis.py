"""A Redis that would lose pages is refused, and what an earlier version left in it is told."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.testlib.processes import ROOT, RedisServer, Worker, free_port

Start = Callable[..., Worker]


@pytest.fixture
def evicting(redis: RedisServer) -> Iterator[RedisServer]:
    """A Redis as many managed ones come."""
    redis.client.config_set("maxmemory-policy", "volatile-lru")
    yield redis
    redis.client.config_set("maxmemory-policy", "noeviction")


def test_a_worker_refuses_a_redis_that_drops_keys_and_says_how_to_mend_it(
    evicting: RedisServer, start_worker: Start
) -> None:
    worker = start_worker(ready=False)
    assert worker.wait() == 1
    last = worker.log.strip().splitlines()[-1]
    assert "ocr-celery: Redis drops keys when it is full (maxmemory-policy is volatile-lru)" in last
    assert "CONFIG SET maxmemory-policy noeviction" in last


@pytest.mark.parametrize(
    "module", [["gunicorn", "-c", "python:web.gunicorn_conf"], ["ocr_celery.local"]], ids=["facade", "run"]
)
def test_so_do_the_facade_and_make_run(evicting: RedisServer, tmp_path: Path, module: list[str]) -> None:
    run = subprocess.run(
        [sys.executable, "-m", *module],
        cwd=ROOT,
        env={**os.environ, "REDIS_URL": evicting.url, "OCR_PORT": str(free_port()), "OCR_DATA_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode != 0
    assert "maxmemory-policy is volatile-lru" in run.stdout + run.stderr
    assert "Traceback" not in run.stderr


def test_what_an_earlier_version_left_is_told_with_what_to_do(redis: RedisServer, start_worker: Start) -> None:
    redis.client.zadd("ocr:pending", {"one": 1, "other": 1})
    log = start_worker().log
    assert "Redis holds 2 unfinished pages of an earlier version" in log
    assert "Start a worker of that version" in log


def test_nothing_is_told_of_an_earlier_version_where_there_was_none(redis: RedisServer, start_worker: Start) -> None:
    assert "earlier version" not in start_worker().log
