"""A cancelled page is final at once and frees its place wherever it is; a forgotten one is gone, and nothing revives it."""

from collections.abc import Callable, Iterator

import pytest
from celery.exceptions import TaskRevokedError

from ocr_celery.client import Client
from ocr_celery.core.status import Status
from ocr_celery.errors import TaskNotFound
from tests.testlib.celery_setup import OcrSetup
from tests.testlib.event_watch import Watch
from tests.testlib.image_server import Origin
from tests.testlib.processes import RedisServer, keys, png, until

SETTINGS = {
    "OCR_BATCH_SIZE": 2,
    "OCR_SCRIPTED_SECONDS": 0.2,
    "OCR_SCRIPTED_SPREAD": 4,
    "OCR_SCRIPTED_HANG": "hang",
}
SHORT, LONG = 100, 150  #: widths of pictures that stay 0.2 and 2.2 s in the engine
HANGS = {"prompt": "<image> hang"}


@pytest.fixture
def client(celery_setup: OcrSetup) -> Client:
    return celery_setup.client


@pytest.fixture(autouse=True)
def _settled(celery_setup: OcrSetup) -> Iterator[None]:
    yield
    until(celery_setup.is_settled, what="nothing waits, is held, open or left over")
    until(lambda: not celery_setup.pool()["held"], what="the worker holds nothing")


def fill(client: Client) -> list[str]:
    """Two pages that hang, which are all that fits into the engine."""
    ids = [client.submit_image(png(), **HANGS) for _ in range(2)]
    until(lambda: all(client.look_up(id).status is Status.PROCESSING for id in ids))
    return ids


def cancel_all(client: Client, ids: list[str]) -> None:
    for id in ids:
        client.cancel(id)


def code(client: Client, id: str) -> str:
    error = client.look_up(id).error
    return error.code if error else ""


def lasting(redis: RedisServer) -> list[bytes]:
    """Keys about single tasks that do not expire."""
    names = [*redis.client.scan_iter("{[]ocr}:*:*-*"), *redis.client.scan_iter("celery-task*")]
    return [name for name in names if redis.client.ttl(name) == -1]


def test_a_page_that_waits_is_final_at_once_and_never_read(celery_setup: OcrSetup, client: Client) -> None:
    inside = fill(client)
    waiting = [client.submit_image(png(SHORT)) for _ in range(12)]
    until(lambda: celery_setup.redis.client.llen("ocr") > 0, what="some are left in the queue")
    view = client.cancel(waiting[-1])
    assert (view.status, view.error and view.error.code) == (Status.FAILED, "cancelled")
    assert not client.redis.exists(keys.blob(waiting[-1]))
    with pytest.raises(TaskRevokedError):
        celery_setup.result(waiting[-1]).get(timeout=60)
    cancel_all(client, inside)
    assert [client.wait(id, timeout=60).status for id in waiting[:-1]] == [Status.COMPLETED] * 11
    assert code(client, waiting[-1]) == "cancelled"


def test_a_page_that_is_fetched_is_final_at_once_and_never_read(client: Client, origin: Origin) -> None:
    origin.gate.clear()
    id = client.submit_url(f"{origin.url}/gate/{SHORT}")
    until(lambda: origin.asked[f"/gate/{SHORT}"], what="it is being fetched")
    assert client.cancel(id).status is Status.FAILED
    origin.gate.set()
    assert code(client, id) == "cancelled"


def test_a_page_that_waits_for_the_engine_frees_its_place_while_the_engine_hangs(
    celery_setup: OcrSetup, client: Client
) -> None:
    inside = fill(client)
    id = client.submit_image(png(SHORT))
    until(lambda: celery_setup.pool()["buffered"] == 1)
    client.cancel(id)
    until(lambda: celery_setup.pool()["buffered"] == 0)
    assert celery_setup.pool()["running"] == 2
    cancel_all(client, inside)


def test_a_page_in_the_engine_leaves_it(celery_setup: OcrSetup, client: Client) -> None:
    inside = fill(client)
    behind = client.submit_image(png(SHORT))
    until(lambda: celery_setup.pool()["buffered"] == 1)
    assert client.cancel(inside[0]).error is not None
    assert client.wait(behind, timeout=60).status is Status.COMPLETED
    assert client.look_up(inside[1]).status is Status.PROCESSING
    cancel_all(client, inside)
    assert [code(client, id) for id in inside] == ["cancelled"] * 2


def test_it_may_be_cancelled_twice_and_what_is_finished_stays(client: Client) -> None:
    done = client.submit_image(png(SHORT))
    read = client.wait(done, timeout=60)
    assert client.cancel(done) == read
    inside = fill(client)
    first, second = client.cancel(inside[0]), client.cancel(inside[0])
    assert (first.updated_at, first.status) == (second.updated_at, Status.FAILED)
    cancel_all(client, inside)


def test_an_unknown_page_is_not_found(client: Client) -> None:
    for call in (client.cancel, client.cancel_batch, client.forget, client.forget_batch):
        with pytest.raises(TaskNotFound):
            call("550e8400-e29b-41d4-a716-446655440000")
    assert not client.redis.exists(keys.task("550e8400-e29b-41d4-a716-446655440000"))


def test_the_finished_pages_of_a_batch_stay_and_it_is_collected(
    celery_setup: OcrSetup, client: Client, origin: Origin
) -> None:
    batch = client.submit_batch([origin.page(SHORT), origin.page(LONG), *[origin.page(LONG)] * 9, "nowhere"])
    until(lambda: client.look_up_batch(batch).counts[Status.COMPLETED], what="one is read")
    view = client.cancel_batch(batch)
    assert view.status is Status.COMPLETED
    assert view.counts[Status.PENDING] + view.counts[Status.PROCESSING] == 0
    codes = [task.error and task.error.code for _, task in view.items]
    assert (set(codes[:-1]), codes[-1]) == ({None, "cancelled"}, "bad_url")
    summary = celery_setup.result(batch).get(timeout=60)
    assert [part.get("code") for part in summary["outcomes"]] == codes


def test_events_say_revoked_and_nothing_else_after(celery_setup: OcrSetup, client: Client) -> None:
    with Watch(celery_setup.app) as watch:
        inside = fill(client)
        waits = client.submit_image(png(SHORT))
        until(lambda: celery_setup.pool()["buffered"] == 1)
        queued = [client.submit_image(png(SHORT)) for _ in range(12)][-1]
        cancel_all(client, [queued, waits, *inside])
        for id in (queued, waits, *inside):
            until(lambda id=id: "task-revoked" in watch.types(id), what=f"{watch.types(id)}")  # type: ignore[misc]
            assert watch.types(id)[-1] == "task-revoked"


@pytest.fixture
def unheard(client: Client) -> Callable[[str], object]:
    """Cancels a task in Redis only, as where the broadcast reaches no worker."""
    return lambda id: client._cancellation.cancel([id], lambda _: '{"status": "REVOKED"}', now=1.0, meta_keep=60)


def test_a_worker_that_has_not_heard_of_it_finds_out_before_a_page_enters(
    celery_setup: OcrSetup, client: Client, unheard: Callable[[str], object]
) -> None:
    inside = fill(client)
    id = client.submit_image(png(SHORT))
    until(lambda: celery_setup.pool()["buffered"] == 1)
    unheard(id)
    cancel_all(client, inside)
    until(lambda: f"cancelled: task {id} is not read" in celery_setup.worker.logs())
    assert code(client, id) == "cancelled"


def test_a_worker_that_has_not_heard_of_it_finds_out_when_it_stores_a_page(
    celery_setup: OcrSetup, client: Client, unheard: Callable[[str], object], origin: Origin
) -> None:
    batch = client.submit_batch([origin.page(LONG), origin.page(SHORT)])
    (_, first), _ = client.look_up_batch(batch).items
    until(lambda: client.look_up(first.id).status is Status.PROCESSING)
    with Watch(celery_setup.app) as watch:
        unheard(first.id)
        summary = celery_setup.result(batch).get(timeout=60)
        until(lambda: watch.types(first.id) == ["task-revoked"], what="and not task-succeeded")
    assert [part.get("code") for part in summary["outcomes"]] == ["cancelled", None]
    assert code(client, first.id) == "cancelled"


def test_a_forgotten_page_is_gone_though_it_is_in_the_engine(celery_setup: OcrSetup, client: Client) -> None:
    inside = fill(client)
    queued = [client.submit_image(png(SHORT)) for _ in range(12)][-1]
    done = client.submit_image(png(SHORT))
    for id in (queued, inside[0], inside[0]):
        client.forget(id)
    cancel_all(client, inside[1:])
    client.wait(done, timeout=60)
    client.forget(done)
    until(celery_setup.is_settled, what="the messages are gone, too")
    for id in (queued, inside[0], done):
        with pytest.raises(TaskNotFound):
            client.look_up(id)
        assert celery_setup.stored(id) == {}
    assert lasting(celery_setup.redis) == []


def test_a_forgotten_batch_is_gone_with_its_pages_and_its_result(
    celery_setup: OcrSetup, client: Client, origin: Origin
) -> None:
    batch = client.submit_batch([origin.page(SHORT), *[origin.page(LONG)] * 5, "nowhere"], prompt="<image>" + "p" * 900)
    ids = [task.id for _, task in client.look_up_batch(batch).items]
    until(lambda: client.look_up_batch(batch).counts[Status.COMPLETED], what="one is read")
    with Watch(celery_setup.app) as watch:
        client.forget_batch(batch)
        client.forget_batch(batch)
        until(celery_setup.is_settled, what="the messages are gone, too")
        until(lambda: "task-succeeded" in watch.types(batch), what="it was collected")
    with pytest.raises(TaskNotFound, match=r"not found$"):
        client.look_up_batch(batch)
    for id in ids:
        with pytest.raises(TaskNotFound):
            client.look_up(id)
    until(lambda: not any(celery_setup.stored(id) for id in (batch, *ids)), what="no result is left")
    assert lasting(celery_setup.redis) == []
