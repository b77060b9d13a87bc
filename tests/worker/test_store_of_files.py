"""Pages whose files lie in a store are read from it, wait while it is away, and leave nothing behind."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ocr_celery.client import Client
from ocr_celery.consumer.file_cleaner import FileCleaner
from ocr_celery.core.file_keeping import UNCLAIMED_SECONDS
from ocr_celery.core.status import Status
from ocr_celery.errors import StoreUnavailable
from ocr_celery.settings import Settings
from ocr_celery.store.files.folder import FolderStore
from ocr_celery.store.files.opening import open_store
from ocr_celery.store.keys import Keys
from ocr_celery.store.registry import Registry
from tests.testlib.celery_setup import settled
from tests.testlib.processes import RedisServer, Worker, final, keys, png, until
from tests.testlib.several_pages import tiff

Start = Callable[..., Worker]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Of the service's queue, in that of all."""
    return tmp_path / "files" / keys.queue


@pytest.fixture
def facade(redis: RedisServer, folder: Path) -> Client:
    """The client of a facade that has this store."""
    return Client(Settings(redis_url=redis.url, max_queue_size=10_000, store=f"file://{folder.parent}"), service=True)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


@pytest.mark.parametrize("kept", [True, False])
def test_pages_are_read_from_the_store_or_from_redis_and_their_files_stay_as_long_as_results_or_go(
    redis: RedisServer, facade: Client, client: Client, folder: Path, start_worker: Start, *, kept: bool
) -> None:
    ids = [facade.submit_image(png(100 + n)) for n in range(20)] + [client.submit_image(png(300))]
    bad = facade.submit_image(b"\x89PNG\r\n\x1a\n and no more")
    assert len(names(folder)) == 21
    temporary = folder.parents[1] / "tmp"
    temporary.mkdir()
    worker = start_worker(OCR_STORE=f"file://{folder.parent}", TMPDIR=temporary, OCR_KEEP_FILES=kept)
    views = final(facade, ids)
    assert [view.result["width"] for view in views if view.result] == [*range(100, 120), 300]
    final(facade, [bad])
    until(lambda: names(folder) == (sorted(ids) if kept else []) and settled(redis), what="what is needed is left")
    if kept:
        assert FolderStore(folder).get(ids[-1]) == png(300)  # it came in its message
        for id in ids:
            facade.forget(id)
        assert names(folder) == []
    worker.end()
    assert [path for path in temporary.iterdir() if path.is_dir()] == []  # the spool


def test_the_files_of_cancelled_and_forgotten_pages_go_without_a_worker(facade: Client, folder: Path) -> None:
    ids = [facade.submit_image(png()) for _ in range(3)]
    facade.cancel(ids[0])
    facade.forget(ids[1])
    assert names(folder) == [ids[2]]


def test_a_page_is_cancelled_although_the_store_is_away(facade: Client, folder: Path) -> None:
    id = facade.submit_image(png())
    folder.rename(folder.parent / "elsewhere")
    assert facade.cancel(id).status is Status.FAILED


def test_a_page_waits_while_the_store_is_away(facade: Client, folder: Path, start_worker: Start) -> None:
    id = facade.submit_image(png())
    mounted = folder.parent
    elsewhere = mounted.rename(mounted.with_name("elsewhere"))
    mounted.mkdir()  # as the folder of a mount is
    worker = start_worker(OCR_STORE=f"file://{folder.parent}")
    until(lambda: "store of files unavailable" in worker.log, what="the worker has tried")
    with pytest.raises(StoreUnavailable, match="is not mounted"):
        Client(facade.settings, service=True).submit_image(png())  # which must not make it anew
    mounted.rmdir()
    elsewhere.rename(mounted)
    assert facade.wait(id, timeout=60).status is Status.COMPLETED


def test_a_worker_without_the_store_says_so_and_loses_nothing(
    facade: Client, folder: Path, start_worker: Start
) -> None:
    id = facade.submit_image(png())
    without = start_worker("w1")
    until(lambda: "give it the OCR_STORE of the facade" in without.log, what="it says so")
    without.end()
    start_worker("w2", OCR_STORE=f"file://{folder.parent}")
    assert facade.wait(id, timeout=60).status is Status.COMPLETED


def test_a_sweep_deletes_what_no_task_needs_in_steps_and_keeps_the_rest(
    redis: RedisServer, facade: Client, folder: Path
) -> None:
    registry = Registry(redis.client, keys, keep=200)
    store, now = FolderStore(folder), time.time()
    waiting, finished, expired = (facade.submit_image(png()) for _ in range(3))
    registry.transition(finished, "SUCCESS", now=now - 50)
    registry.transition(expired, "FAILURE", now=now - 150)
    for number in range(1200):
        store.put(f"orphan-{number}", b"x")
        os.utime(folder / f"orphan-{number}", (now - 4000, now - 4000))
    store.put("under-way", b"x")
    cleaner = FileCleaner(store, registry, ttl=100)
    cleaner.sweep(now=now)
    assert names(folder) == sorted([waiting, finished, "under-way"])
    cleaner.sweep(now=now + 60)
    assert names(folder) == sorted([waiting, "under-way"])


def test_a_document_keeps_its_file_and_leaves_none_whatever_id_its_sender_chose(
    redis: RedisServer, facade: Client, folder: Path, start_worker: Start
) -> None:
    id = "invoices/2026_11.pdf"
    facade.app.send_task("ocr.document", [tiff([101, 102, 103])], task_id=id)
    start_worker(OCR_STORE=f"file://{folder.parent}", OCR_SCRIPTED_SECONDS=1, OCR_BATCH_SIZE=1, OCR_KEEP_FILES="false")
    until(lambda: folder.exists() and names(folder) != [], what="it is opened")
    registry = Registry(redis.client, keys, keep=200)
    FileCleaner(FolderStore(folder), registry, ttl=100).sweep(now=time.time() + 2 * UNCLAIMED_SECONDS)
    assert names(folder) != []
    assert facade.wait(id, timeout=60).status is Status.COMPLETED
    until(lambda: names(folder) == [] and settled(redis), what="nothing is left")


def test_a_sweep_of_another_service_with_the_same_store_leaves_its_files(
    redis: RedisServer, facade: Client, folder: Path
) -> None:
    id = facade.submit_image(png())
    os.utime(folder / id, (1, 1))
    other = Keys("another")
    store = open_store(f"file://{folder.parent}", redis.client, other)
    store.put("orphan", b"x")
    FileCleaner(store, Registry(redis.client, other, keep=200), ttl=100).sweep(now=time.time() + 4000)
    assert names(folder) == [id]
    assert list(store.list()) == []


def test_the_worker_that_sweeps_sweeps_the_store(facade: Client, folder: Path, start_worker: Start) -> None:
    store = FolderStore(folder)
    store.put("orphan", b"x")
    os.utime(folder / "orphan", (1, 1))
    start_worker(OCR_STORE=f"file://{folder.parent}", OCR_CLEANUP_INTERVAL=0.5)
    until(lambda: names(folder) == [], what="it is swept")
