"""What was finished is forgotten after OCR_TASK_TTL, and no end of a task leaves its place taken."""

from collections.abc import Iterator

import pytest

from ocr_celery.core.status import Status
from ocr_celery.errors import OcrError, ResultExpired, TaskNotFound
from tests.testlib.celery_setup import OcrSetup
from tests.testlib.image_server import Origin
from tests.testlib.processes import keys, png, until

SETTINGS = {
    "OCR_TASK_TTL": 1,
    "OCR_CLEANUP_INTERVAL": 0.3,
    "OCR_SCRIPTED_SECONDS": 0.05,
    "OCR_SCRIPTED_FAIL": "luck",
}


@pytest.fixture(autouse=True)
def _settled(celery_setup: OcrSetup) -> Iterator[None]:
    yield
    until(celery_setup.is_settled)


def error_of(celery_setup: OcrSetup, id: str) -> type[OcrError] | None:
    """What asking for a task raises."""
    try:
        celery_setup.client.look_up(id)
    except OcrError as exc:
        return type(exc)
    return None


@pytest.mark.parametrize("prompt", ["fine", "bad luck"])
def test_a_finished_task_is_known_then_expired_then_unknown(celery_setup: OcrSetup, prompt: str) -> None:
    id = celery_setup.client.submit_image(png(), prompt=prompt)
    assert celery_setup.client.wait(id, timeout=60).status.final
    until(lambda: error_of(celery_setup, id) is ResultExpired)
    assert ResultExpired.http_status == 410
    until(lambda: error_of(celery_setup, id) is TaskNotFound)
    assert not list(celery_setup.redis.client.scan_iter(f"*{id}*"))
    until(lambda: celery_setup.client.stats().total == 0, what="it is counted no more")


def test_a_batch_is_forgotten_like_its_tasks(celery_setup: OcrSetup, origin: Origin) -> None:
    id = celery_setup.client.submit_batch([origin.page(100), "nowhere"])
    until(lambda: celery_setup.client.look_up_batch(id).status is Status.COMPLETED)
    until(lambda: not list(celery_setup.redis.client.scan_iter(f"*{id}*")))
    with pytest.raises(TaskNotFound):
        celery_setup.client.look_up_batch(id)


def test_a_loose_image_goes_by_itself(celery_setup: OcrSetup) -> None:
    reference = celery_setup.client.store_image(png())
    assert celery_setup.redis.client.exists(keys.prefix + reference)
    until(lambda: not celery_setup.redis.client.exists(keys.prefix + reference))
    sent = celery_setup.send("ocr.image", reference)
    with pytest.raises(OcrError) as caught:
        sent.get(timeout=60)
    assert caught.value.code == "image_expired"


def test_an_image_that_came_with_a_task_stays_for_as_long_as_the_task_waits(celery_setup: OcrSetup) -> None:
    id = celery_setup.client.submit_image(png())
    assert celery_setup.redis.client.ttl(keys.blob(id)) in (-1, -2)  # never running out; gone when it was read already
    celery_setup.client.wait(id, timeout=60)
    until(lambda: not celery_setup.redis.client.exists(keys.blob(id)))


def test_every_end_of_a_task_frees_its_place(celery_setup: OcrSetup, origin: Origin) -> None:
    """Read, failed in each stage, revoked, expired, purged: none stays open."""
    ids = [
        celery_setup.client.submit_image(png()),
        celery_setup.client.submit_image(png(), prompt="bad luck"),
        celery_setup.client.submit_image(b"no image"),
        celery_setup.client.submit_url(f"{origin.url}/404"),
        celery_setup.send("ocr.image", png(), countdown=0.2, expires=0.1).id,
    ]
    off = celery_setup.send("ocr.image", png(), countdown=0.5)
    until(lambda: celery_setup.inspect().scheduled()[celery_setup.worker.hostname()])
    celery_setup.revoke(off.id)
    for id in ids:
        until(lambda id=id: celery_setup.redis.client.ttl(keys.task(id)) > 0)
    until(lambda: celery_setup.redis.client.ttl(keys.task(off.id)) > 0)
    assert celery_setup.open_tasks() == 0


def test_what_was_lost_is_found_and_frees_its_place(celery_setup: OcrSetup) -> None:
    client = celery_setup.client
    now = 1.0  # long ago
    client.redis.hset(keys.task("lost"), mapping={"created_at": now, "updated_at": now, "state": "STARTED"})
    client.redis.zadd(keys.counted(Status.PROCESSING), {"lost": now})
    client.redis.set(keys.blob("lost"), b"its image")
    assert celery_setup.open_tasks() == 1
    view = client.wait("lost", timeout=60)
    assert view.error is not None
    assert view.error.code == "page_lost"
    assert celery_setup.open_tasks() == 0


def test_what_waits_for_long_is_not_taken_for_lost(celery_setup: OcrSetup) -> None:
    sent = celery_setup.send("ocr.image", png(), countdown=2)
    until(lambda: celery_setup.inspect().scheduled()[celery_setup.worker.hostname()])
    client = celery_setup.client
    client.redis.hset(keys.task(sent.id), mapping={"created_at": 1, "updated_at": 1, "state": "PENDING"})
    client.redis.zadd(keys.counted(Status.PENDING), {sent.id: 1})
    assert sent.get(timeout=60)["width"] == 100
