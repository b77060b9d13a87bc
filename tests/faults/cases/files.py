"""Uploaded files lie in a folder of their own: kills and a folder that is away lose no page and leave no file for good."""

import time
from pathlib import Path
from tempfile import TemporaryDirectory

import requests

from ocr_celery.consumer.file_cleaner import FileCleaner
from ocr_celery.core.file_keeping import UNCLAIMED_SECONDS
from ocr_celery.store.files.folder import FolderStore
from ocr_celery.store.registry import Registry
from tests.faults.case import case, now
from tests.faults.flow import picture
from tests.faults.scene import Scene
from tests.testlib.processes import keys, until


def folder_of(scene: Scene) -> Path:
    """A new folder for files."""
    return Path(scene.enter_context(TemporaryDirectory())) / "files"


def nothing_is_left(scene: Scene, folder: Path) -> None:
    """Once all pages are final, a sweep an hour later deletes every file: uploads that were cut off have no task by then."""
    until(lambda: not scene.unfinished(), what="all pages are final")
    store = FolderStore(folder / keys.queue)
    FileCleaner(store, Registry(scene.redis.client, keys, keep=100), ttl=0).sweep(now=time.time() + UNCLAIMED_SECONDS)
    assert list(store.list()) == []


@case("a worker killed, files in a folder", short=3, long=20)
def killed(scene: Scene, rounds: int) -> None:
    folder = folder_of(scene)
    store = {"OCR_STORE": folder.as_uri()}
    worker, facade = scene.worker(**store), scene.facade(**store)
    with scene.flow_over_http(facade.url) as flow:
        for _ in range(rounds):
            scene.work_a_while()
            worker.kill()
            worker, since = scene.worker(**store), now()
            scene.recovers(since)
    assert not flow.errors, flow.errors[:3]
    nothing_is_left(scene, folder)


@case("the folder of files is away", short=2, long=10)
def away(scene: Scene, rounds: int) -> None:
    folder = folder_of(scene)
    store = {"OCR_STORE": folder.as_uri()}
    worker, facade = scene.worker(**store), scene.facade(**store)
    with scene.flow_over_http(facade.url) as flow:
        for _ in range(rounds):
            scene.work_a_while()
            elsewhere = folder.rename(folder.with_name("elsewhere"))
            folder.mkdir()  # as the folder of a mount is
            until(lambda: refusal(facade.url) == "store_unavailable", what="callers are told")
            time.sleep(2)  # not to be right: it lasts
            assert refusal(facade.url) == "store_unavailable"
            folder.rmdir()
            elsewhere.rename(folder)
            scene.accepts_again(now())
    assert not flow.errors, flow.errors[:3]
    assert worker.process.poll() is None, "no restart is needed"
    nothing_is_left(scene, folder)


def refusal(url: str) -> str:
    """The code that a caller is told; "" where the page is taken in."""
    answer = requests.post(f"{url}/ocr", files={"file": ("p.png", picture(99))}, timeout=20)
    return "" if answer.status_code == 202 else str(answer.json()["code"])
