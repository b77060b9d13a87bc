"""A worker that dies while it opens a document, reads its pages or assembles it leaves a document that another completes."""

from collections.abc import Callable

from ocr_celery.client import Client
from ocr_celery.core.document import PageSet
from ocr_celery.core.status import Status
from ocr_celery.message import ASSEMBLE
from tests.testlib.celery_setup import until_settled
from tests.testlib.processes import RedisServer, Worker, keys, until
from tests.testlib.several_pages import tiff

WIDTHS = list(range(101, 121))
PAGES = PageSet(20, "1-20")
SETTINGS = {"OCR_BATCH_SIZE": 4, "OCR_SCRIPTED_SECONDS": 0.02}


def test_documents_are_whole_although_workers_are_killed_at_each_step_and_messages_come_twice(
    redis: RedisServer, client: Client, start_worker: Callable[..., Worker]
) -> None:
    store = redis.client

    def states(id: str) -> list[str | None]:
        return client._registry.documents.states(id, PAGES)

    moments: list[Callable[[str], object]] = [
        lambda _: not store.llen("ocr"),
        lambda id: store.hget(keys.task(id), "state") not in (None, b"PENDING"),  # or further: it is not so for long
        lambda id: store.exists(keys.document(id)),
        lambda id: "SUCCESS" in states(id),
        lambda id: states(id).count("SUCCESS") > 15,
        lambda id: store.hget(keys.document(id), "assembly") and not store.exists(keys.open_pages(id)),
    ]
    sent = []
    for n, reached in enumerate(moments):
        worker = start_worker("w1", **SETTINGS)
        id = client.submit_document(tiff(WIDTHS), name=f"{n}.tif")
        if n % 2 and (message := store.lindex("ocr", 0)):
            store.lpush("ocr", message)
        until(lambda id=id, reached=reached: reached(id))
        worker.kill()
        sent.append(id)
    start_worker("w1", **SETTINGS)
    for id in sent:
        view = client.wait(id, timeout=120)
        assert view.status is Status.COMPLETED
        assert view.result is not None
        texts = [view.result["text"][start:end] for _, start, end in view.result["spans"]]
        assert [int(text.split()[2]) for text in texts] == WIDTHS
    until_settled(redis)
    until(lambda: not store.exists(keys.documents), what="all is left to expire")
    assert not [key for key in store.scan_iter(keys.task("*")) if store.ttl(key) < 0]
    assert not store.exists(*(keys.open_pages(id) for id in sent))


def test_a_page_that_kills_its_worker_each_time_is_a_gap_in_its_document(
    redis: RedisServer, client: Client, start_worker: Callable[..., Worker]
) -> None:
    # the scripted engine kills by the prompt, which pages of a document share: so all of them are convicted
    id = client.submit_document(tiff([101, 102]), prompt="poison", name="a.tif")
    other = client.submit_document(tiff([103, 104]), name="b.tif")
    deaths = 0
    while not client.look_up(id).status.final:
        worker = start_worker("w1", OCR_SCRIPTED_KILL="poison", **SETTINGS)
        until(lambda worker=worker: worker.process.poll() is not None or client.look_up(id).status.final)
        deaths += 1
    worker.kill()
    view = client.look_up(id)
    assert view.status is Status.FAILED
    assert view.document is not None
    assert {page.code for page in view.document.failed} == {"worker_killed"}
    start_worker("w1", **SETTINGS)
    assert client.wait(other, timeout=60).status is Status.COMPLETED
    until_settled(redis)


def test_a_lost_assembly_and_a_lost_page_are_found_by_the_sweeper(
    redis: RedisServer, client: Client, start_worker: Callable[..., Worker]
) -> None:
    import time

    from tests.worker.test_sweeping import sweeper

    worker = start_worker("w1", **SETTINGS, OCR_SCRIPTED_HANG="hang")
    id = client.submit_document(tiff([101, 102, 103]), prompt="hang", name="a.tif")
    until(lambda: client._registry.documents.states(id, PageSet(3, "1-3")) == ["STARTED"] * 3)
    worker.kill()
    for key in redis.client.scan_iter(keys.unacked("*")):
        redis.client.delete(key)
    found, later = sweeper(redis.client), time.time() + 100
    found.sweep(now=later)
    found.sweep(now=later)
    assert ASSEMBLE.encode() in redis.client.lindex("ocr", -1)
    redis.client.delete("ocr")  # and the assembly is lost as well
    found.sweep(now=later)
    found.sweep(now=later)
    assert redis.client.llen("ocr") == 1
    start_worker("w1", **SETTINGS)
    view = client.wait(id, timeout=60)
    assert view.error is not None
    assert view.error.code == "no_page_read"
    assert view.document is not None
    assert [page.code for page in view.document.failed] == ["page_lost"] * 3


def test_an_assembly_from_before_a_failover_to_a_redis_that_knows_less_ends_no_document(
    redis: RedisServer, client: Client, start_worker: Callable[..., Worker]
) -> None:
    store = redis.client
    id = client.submit_document(tiff([101, 102, 103]), prompt="hang", name="a.tif")
    original = store.lindex("ocr", 0)
    worker = start_worker("w1", **SETTINGS, OCR_SCRIPTED_HANG="hang")
    until(lambda: client._registry.documents.states(id, PageSet(3, "1-3")) == ["STARTED"] * 3)
    assembly = store.hget(keys.document(id), "assembly")

    # the last pages are not final in it
    store.rpush("ocr", assembly)
    until(lambda: "assembly dropped" in worker.log and store.hlen(keys.unacked(worker.name)) == 3)
    assert not client.look_up(id).status.final
    worker.kill()

    # the document is not open in it
    store.delete("ocr", keys.document(id), keys.open_pages(id), keys.documents, *store.scan_iter(keys.unacked("*")))
    for key in [*map(keys.task, PageSet(3, "1-3").ids(id)), *store.scan_iter("{ocr}:lane:*")]:
        store.delete(key)
    store.hdel(keys.task(id), "pages")
    store.hset(keys.task(id), "state", "RECEIVED")
    store.rpush("ocr", original, assembly)
    start_worker("w1", **SETTINGS)
    view = client.wait(id, timeout=60)
    assert view.status is Status.COMPLETED
    until_settled(redis)
