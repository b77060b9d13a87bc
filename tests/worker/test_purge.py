"""What a purge removes is failed at once: it takes no place, and the chords it belongs to come to their end."""

import re
import subprocess
import sys
from collections.abc import Callable

import pytest
from celery.result import AsyncResult

from ocr_celery.client import Client
from ocr_celery.core.status import Status
from ocr_celery.errors import Purged
from tests.testlib.processes import ROOT, RedisServer, Worker, keys, png, until

URLS = [f"https://example.com/{n}.jpg" for n in range(3)]


def purged() -> int:
    """Purge the queue, as an operator does. Answers how many messages it is said to have held."""
    command = [sys.executable, "-m", "celery", "-A", "ocr_celery", "purge", "--force"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=True)
    found = re.search(r"Purged (\d+) message", done.stdout)
    return int(found[1]) if found else 0


def collected(client: Client, id: str) -> dict[str, object]:
    found: dict[str, object] = until(
        lambda: AsyncResult(id, app=client.app).result or {}, what="the batch is collected"
    )
    return found


def test_purged_pages_are_failed_at_once_and_take_no_place(client: Client, redis: RedisServer) -> None:
    ids = [client.submit_url(URLS[0]), client.submit_image(png()), client.app.send_task("ocr.url", [URLS[1]]).id]
    batch = client.submit_batch(URLS)
    client.app.send_task("somebody.elses")
    assert purged() == 7
    views = [client.look_up(id) for id in ids]
    assert [view.error and view.error.code for view in views] == ["purged"] * 3
    assert client.look_up_batch(batch).status is Status.FAILED
    assert client.stats().pending == 0
    with pytest.raises(Purged):
        AsyncResult(ids[0], app=client.app).get(timeout=20)
    assert not list(redis.client.scan_iter(keys.purged("*").replace("{", "[{]")))
    assert not redis.client.exists(keys.blob(ids[1]))


def test_a_batch_that_is_purged_is_collected_all_the_same(client: Client, start_worker: Callable[..., Worker]) -> None:
    batch = client.submit_batch([*URLS, "nowhere"])
    assert purged() == 3
    assert client.redis.llen("ocr") == 1, "the task that collects it, which was sent meanwhile"
    start_worker()
    summary = collected(client, batch)
    assert (summary["total"], summary["failed"]) == (4, 4)
    assert [item["code"] for item in summary["outcomes"]] == ["purged"] * 3 + ["bad_url"]  # type: ignore[attr-defined]


def test_a_queue_of_many_is_purged_to_its_end_and_one_message_harms_no_other(
    client: Client, redis: RedisServer
) -> None:
    ids = [client.submit_url(URLS[0]) for _ in range(450)]
    lane = keys.lane("single")
    redis.client.lset(lane, 7, "{")
    redis.client.lset(lane, 9, '{"headers": [], "body": 7, "properties": {}}')
    redis.client.rpush("ocr", "no message at all")
    assert purged() == 451
    failed = sum(client.look_up(id).status is Status.FAILED for id in ids)
    assert failed == 448
    assert not redis.client.exists("ocr", lane)


def test_a_full_redis_can_be_purged(client: Client, redis: RedisServer) -> None:
    ids = [client.submit_url(URLS[0]) for _ in range(3)]
    redis.client.config_set("maxmemory", 1)
    try:
        assert purged() == 3
    finally:
        redis.client.config_set("maxmemory", 0)
    assert [client.look_up(id).status for id in ids] == [Status.FAILED] * 3


def test_a_purge_by_a_client_settles_as_that_of_the_service(
    client: Client, start_worker: Callable[..., Worker]
) -> None:
    ids = [client.submit_url(URLS[0]), client.app.send_task("ocr.url", [URLS[1]]).id]
    batch = client.submit_batch(URLS)
    assert client.app.control.purge() == 5
    assert [view.error and view.error.code for view in map(client.look_up, ids)] == ["purged"] * 2
    assert client.stats().pending == 0
    start_worker()
    assert collected(client, batch)["failed"] == 3


def test_an_empty_queue_is_purged_too(client: Client) -> None:
    assert purged() == 0


def test_the_task_that_collects_a_batch_is_settled_too(client: Client) -> None:
    batch = client.submit_batch(["nowhere"])
    assert purged() == 1
    assert AsyncResult(batch, app=client.app).status == "FAILURE"
    assert client.redis.ttl(keys.batch(batch)) <= 7200, "its record goes when those of its pages do"
    assert client.look_up_batch(batch).status is Status.FAILED
