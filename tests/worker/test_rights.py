"""A user of Redis with the rights that docs/redis.md names is all that is needed, and keys are those that it lists."""

import re
from collections.abc import Callable, Iterator

import pytest

from ocr_celery.client import Client
from ocr_celery.core.status import Status
from ocr_celery.settings import Settings
from tests.testlib.processes import ROOT, RedisServer, Worker, png, until

Start = Callable[..., Worker]
DOCUMENT = (ROOT / "docs/redis.md").read_text()


@pytest.fixture
def user(redis: RedisServer) -> Iterator[str]:
    """The URL of a user with the documented rights."""
    (line,) = [line for line in DOCUMENT.splitlines() if line.startswith("    ACL SETUSER ocr ")]
    redis.client.execute_command(*line.replace(">PASSWORD", ">secret").split())
    redis.client.execute_command("ACL", "LOG", "RESET")
    yield redis.url.replace("redis://", "redis://ocr:secret@")
    redis.client.acl_deluser("ocr")


def test_a_user_with_the_documented_rights_does_all(user: str, redis: RedisServer) -> None:
    from celery import Celery, chord

    worker, client = (
        Worker("w1", user, {"OCR_SCRIPTED_SECONDS": 0.05, "OCR_CLEANUP_INTERVAL": 0.5}),
        Client(Settings(redis_url=user)),
    )
    other = Celery("caller", broker=user, backend=user, set_as_current=False)
    other.conf.task_routes = {"ocr.*": {"queue": "ocr"}}
    try:
        worker.wait_ready()
        assert client.eviction_policy() == "noeviction"
        assert client.wait(client.submit_image(png()), timeout=60).status is Status.COMPLETED
        batch = client.submit_batch(["no address", "none either"])
        until(lambda: client.look_up_batch(batch).status.final, what="the batch is finished")
        body = chord([other.signature("ocr.image", [png()]) for _ in range(2)])(other.signature("ocr.collect"))
        assert body.get(timeout=60)["total"] == 2
        assert other.send_task("ocr.image", [png()], priority=5).get(timeout=60)["width"] == 100
        assert other.control.inspect(timeout=10, limit=1).ping()
        off = other.send_task("ocr.image", [png()], countdown=60)
        other.control.revoke(off.id, reply=True, timeout=10, limit=1)
        assert client.stats().workers == 1
    finally:
        worker.end()
        other.close()
        client.redis.close()
    assert redis.client.execute_command("ACL", "LOG") == []


def listed() -> list[re.Pattern[str]]:
    """The keys of the table, each as a pattern: a capital word is any name, three dots anything."""
    rows = re.findall(r"^\| (`.*?) \|", DOCUMENT, re.M)
    names = [name for row in rows for name in re.findall(r"`([^`]+)`", row)]
    whole = [
        "{ocr}" + name if name.startswith(":") else name for name in names if not re.fullmatch(r"[69]|\\\\.*", name)
    ]
    any_name = [re.escape(name).replace("ID", ".+").replace("NAME", ".+").replace("…", ".*") for name in whole]
    return [re.compile(name) for name in [*any_name, "ocr\x06\x16[369]"]]


def test_every_key_that_there_ever_is_is_listed(redis: RedisServer, start_worker: Start) -> None:
    client = Client(Settings(redis_url=redis.url, task_ttl=2))
    worker = start_worker(
        "w1", OCR_SCRIPTED_SECONDS=0.2, OCR_BATCH_SIZE=2, OCR_TASK_TTL=2, OCR_CACHE_TTL=2, OCR_CLEANUP_INTERVAL=0.5
    )
    client.app.control.inspect(timeout=10, limit=1).ping()
    client.store_image(png())
    ids = [client.submit_image(png()) for _ in range(6)]
    batch, seen = client.submit_batch(["no address", "none either"]), set()

    def finished() -> bool:
        seen.update(key.decode() for key in redis.client.scan_iter(count=1000))
        return client.stats().pending + client.stats().processing == 0

    until(finished, what="all are at their end")
    assert len(ids) + len(batch) > 6
    until(
        lambda: not list(redis.client.scan_iter("{ocr}:task:*", count=1000)),
        timeout=60,
        what="all has expired",
    )
    worker.end()
    client.redis.close()
    left = {key.decode() for key in redis.client.scan_iter(count=1000)}
    patterns = listed()
    assert {key for key in seen | left if not any(p.fullmatch(key) for p in patterns)} == set()
    gone = {
        key
        for key in left
        if re.match(r"\{ocr\}:(task|batch|blob|completed|failed|pending|processing|unacked|inside)", key)
    }
    assert gone == set()
