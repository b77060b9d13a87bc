"""Exports are made by a real exporter beside the workers: once for all who ask, also after a kill, and gone with their result."""

import contextlib
import io
import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from PIL import Image

from ocr_celery.client import Client
from ocr_celery.core.document import PageResult, PageSet, assemble, page_id
from ocr_celery.core.export_request import ExportRequest, page_image
from ocr_celery.core.export_status import ExportStatus
from ocr_celery.core.status import Status
from ocr_celery.errors import FileNotKept, FormatNotAvailable, NoExporter, PageDeadline, TaskNotFound
from ocr_celery.export.bootsteps import NICENESS
from ocr_celery.settings import Settings
from ocr_celery.store.documents import PageOf
from ocr_celery.store.files.folder import FolderStore
from ocr_celery.task_results import completed_record, failed_record
from ocr_celery.waiting import wait_for_export
from tests.testlib import pdf_readers
from tests.testlib.processes import RedisServer, Worker, keys, png, until
from tests.testlib.several_pages import pdf

FOUND = {"verdict": "ok", "width": 1280, "height": 640, "seconds": {}}
FIGURE = (
    "<|ref|>title<|/ref|><|det|>[[0, 0, 999, 100]]<|/det|>\nPage\n\n"
    "<|ref|>image<|/ref|><|det|>[[100, 200, 500, 800]]<|/det|>\n\n\n"
)


@pytest.fixture(scope="module")
def module_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("exports") / "files"


@pytest.fixture
def folder(module_folder: Path) -> Iterator[Path]:
    """Of the service's queue."""
    yield module_folder / keys.queue
    for path in (module_folder / keys.queue).glob("*"):
        path.unlink()


@pytest.fixture
def facade(redis: RedisServer, folder: Path) -> Client:
    return Client(Settings(redis_url=redis.url, max_queue_size=10_000, store=f"file://{folder.parent}"), service=True)


@pytest.fixture
def start_exporter(redis: RedisServer, folder: Path) -> Iterator[Callable[..., Worker]]:
    """``start_exporter("e1")`` starts an exporter and waits until it is there."""
    started: list[Worker] = []

    def start(name: str = "e1", **settings: object) -> Worker:
        known: dict[str, object] = {"OCR_STORE": f"file://{folder.parent}", **settings}
        exporter = Worker(name, redis.url, known, app="ocr_celery.export")
        started.append(exporter)
        exporter.wait_ready()
        until(lambda: redis.client.zscore(keys.of_exporters.workers, exporter.name), what="it says that it is there")
        return exporter

    yield start
    for exporter in started:
        exporter.end()


def read_image(client: Client, text: str = FIGURE) -> str:
    """An image that a worker has read."""
    id = client.submit_image(png(1280, 640), name="scan.png")
    meta = completed_record(id, {**FOUND, "text": text}, time.time())
    client._registry.transition(id, "SUCCESS", now=time.time(), meta=meta, meta_keep=1000)
    return id


def read_document(client: Client, pages: int, *, failed: int = 0) -> str:
    """A PDF of so many pages that workers have read; page `failed` could not be."""
    id = client.submit_document(pdf([400] * pages), name="report.pdf")
    numbers = PageSet(pages, f"1-{pages}")
    registry, now = client._registry, time.time()
    registry.transition(id, "RECEIVED", now=now)
    about = {"assembly": "{}", "kind": "pdf", "file": f"file:{id}", "source": "report.pdf", "options": "{}"}
    known: dict[str, Any] = {"now": now, "queue": keys.queue, "about": about, "meta": json.dumps({"status": "STARTED"})}
    registry.documents.expand(id, numbers, ["{}"] * pages, meta_keep=1000, file_in_redis=False, **known)
    results = []
    for number in numbers.numbers:
        page, of = page_id(id, number), PageOf(id, number, keys.queue)
        result = {**FOUND, "text": FIGURE.replace("Page", f"Page {number}")}
        state, meta = ("SUCCESS", completed_record(page, result, now))
        if number == failed:
            state, meta = ("FAILURE", failed_record(page, PageDeadline(), now))
        registry.transition(page, state, now=now, meta=meta, page_of=of)
        results.append(PageResult(number, PageDeadline() if number == failed else result))
    meta = completed_record(id, assemble(numbers, results), now)
    registry.transition(id, "SUCCESS", now=now, meta=meta, meta_keep=1000, ends_document=True)
    registry.documents.settle(id, meta_keep=1000)
    return id


def made(client: Client, export: ExportRequest) -> bytes:
    """The file of an export, once it is made."""
    found = wait_for_export(client, export, seconds=120)
    assert (found.status, found.error) == (Status.COMPLETED, None)
    file = client.export_file(export)
    assert file is not None
    return b"".join(file[1])


def failure(client: Client, export: ExportRequest) -> ExportStatus:
    found = wait_for_export(client, export, seconds=120)
    assert found.status is Status.FAILED
    return found


def _times_made(exporter: Worker, id: str) -> int:
    events = [json.loads(line) for line in exporter.log.splitlines()]
    return sum(event.get("event") == "export made" and event.get("task_id") == id for event in events)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


def test_exports_are_made_shared_given_out_and_gone_with_their_result(
    facade: Client, folder: Path, start_exporter: Callable[..., Worker], redis: RedisServer
) -> None:
    document, image = read_document(facade, 3, failed=2), read_image(facade)
    with pytest.raises(NoExporter, match="start an exporter"):
        facade.request_export(ExportRequest(document, "zip"))
    exporter = start_exporter()
    niceness = os.getpriority(os.PRIO_PROCESS, exporter.process.pid)
    assert niceness == min(19, os.getpriority(os.PRIO_PROCESS, 0) + NICENESS)  # engines go first
    for id, figures in ((document, ["images/1_1.jpg", "images/3_1.jpg"]), (image, ["images/1_1.jpg"])):
        export = ExportRequest(id, "zip")
        data = made(facade, export)
        assert made(Client(facade.settings, service=True), ExportRequest(id, "zip")) == data
        until(lambda id=id: _times_made(exporter, id), what="it says so")
        assert _times_made(exporter, id) == 1
        with ZipFile(io.BytesIO(data)) as archive:
            assert archive.namelist() == [*figures, "result.md", "result.html", "result.json"]
            assert Image.open(archive.open(figures[0])).size[0] > 100
            markdown = archive.read("result.md").decode()
            assert f"![image]({figures[0]})" in markdown
            assert ("<!-- page 2: page_deadline -->" in markdown) is (id == document)
        searchable = folder / f".{id}.pdf"
        searchable.write_bytes(made(facade, ExportRequest(id, "pdf")))
        texts = [text.strip() for text in pdf_readers.pdfium(searchable)]
        assert texts == (["Page 1", "", "Page 3"] if id == document else ["Page"])
        searchable.unlink()
    for annotated in (False, True):
        for id, page, number in ((document, 3, 3), (image, 1, 1)):
            picture = Image.open(io.BytesIO(made(facade, page_image(id, page, annotated=annotated))))
            assert picture.format == "JPEG", number
    assert len(names(folder)) == 10
    facade.forget(document)
    assert len(names(folder)) == 5
    assert all(name.startswith(image) for name in names(folder))
    with pytest.raises(TaskNotFound):
        facade.request_export(page_image(document, 1, annotated=True))
    facade.forget(image)
    assert names(folder) == []
    assert not redis.client.keys("{ocr}:exports:*")


class HeldFile:
    """The file of a task, which whoever opens it waits for until it is let go."""

    def __init__(self, folder: Path, id: str) -> None:
        self._path, self._real, self._held = folder / id, folder / f"{id}.real", folder / f"{id}.held"
        self._path.rename(self._real)
        os.mkfifo(self._path)

    def let_go(self) -> None:
        self._path.rename(self._held)
        self._real.rename(self._path)
        with contextlib.suppress(OSError):  # nobody waits
            os.close(os.open(self._held, os.O_WRONLY | os.O_NONBLOCK))
        self._held.unlink()


def test_an_export_is_made_although_its_exporter_is_killed_and_fails_where_each_is(
    facade: Client, folder: Path, start_exporter: Callable[..., Worker]
) -> None:
    exports = [ExportRequest(read_image(facade), "zip") for _ in range(2)]
    held = [HeldFile(folder, export.task_id) for export in exports]
    exporter = start_exporter()
    facade.request_export(exports[0])
    _until_begun(facade, exports[0], 1)
    exporter.kill()
    held[0].let_go()
    exporter = start_exporter()
    assert b"images/1_1.jpg" in made(facade, exports[0])
    assert _tries(facade, exports[0]) == 2

    facade.request_export(exports[1])
    for tries in (1, 2, 3):
        _until_begun(facade, exports[1], tries)
        exporter.kill()
        exporter = start_exporter()
    assert failure(facade, exports[1]).error.code == "export_failed"  # type: ignore[union-attr]


def _tries(client: Client, export: ExportRequest) -> int:
    record = client.redis.hget(keys.exports(export.task_id), export.id)
    return int(json.loads(record or b"{}").get("tries", 0))  # type: ignore[arg-type]


def _until_begun(client: Client, export: ExportRequest, tries: int) -> None:
    until(lambda: _tries(client, export) == tries, what="it has begun")


def test_an_exporter_that_is_stopped_gives_its_export_back(
    facade: Client, folder: Path, start_exporter: Callable[..., Worker]
) -> None:
    export = ExportRequest(read_image(facade), "zip")
    held, exporter = HeldFile(folder, export.task_id), start_exporter()
    facade.request_export(export)
    _until_begun(facade, export, 1)
    exporter.signal(signal.SIGTERM)
    until(lambda: "Warm shutdown" in exporter.log, what="it knows")
    held.let_go()
    assert exporter.wait() == 0
    assert "export requeued" in exporter.log
    start_exporter("e2")
    assert b"images/1_1.jpg" in made(facade, export)
    assert _tries(facade, export) == 1


def test_outputs_are_made_as_soon_as_the_result_is_there(
    facade: Client, folder: Path, start_exporter: Callable[..., Worker], start_worker: Callable[..., Worker]
) -> None:
    start_worker(OCR_STORE=f"file://{folder.parent}", OCR_SCRIPTED_SECONDS=0.05)
    start_exporter()
    ids = [
        facade.submit_image(png(), outputs="zip"),
        facade.submit_document(pdf([400, 500]), outputs=["zip"]),
        str(facade.app.send_task("ocr.image", [png()], {"outputs": "zip"}).id),  # its file comes in its message
    ]
    exports = [ExportRequest(id, "zip") for id in ids]
    until(lambda: all(export.file_name in names(folder) for export in exports), what="all are made")
    assert names(folder) == sorted([*ids, *(export.file_name for export in exports)])
    for export in exports:
        with ZipFile(io.BytesIO(made(facade, export))) as archive:
            assert archive.namelist()[-3:] == ["result.md", "result.html", "result.json"]
        facade.forget(export.task_id)
    assert names(folder) == []


def test_what_cannot_be_made_says_why(
    facade: Client, folder: Path, start_exporter: Callable[..., Worker], client: Client
) -> None:
    id = read_image(facade)
    FolderStore(folder).delete(id)
    client._registry.redis.hset(keys.task(id), "updated_at", time.time() - 100)
    start_exporter()
    assert isinstance(failure(facade, page_image(id, 1, annotated=False)).error, FileNotKept)
    with ZipFile(
        io.BytesIO(made(facade, ExportRequest(id, "zip")))
    ) as archive:  # a figure less is no reason to have nothing
        assert archive.namelist() == ["result.md", "result.html", "result.json", "images/missing.txt"]
    with pytest.raises(FormatNotAvailable, match="OCR_STORE is Redis"):
        client.request_export(ExportRequest(id, "zip"))
