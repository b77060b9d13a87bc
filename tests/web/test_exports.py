"""What HTTP answers about files that an exporter makes: the file, not yet, why it failed, or that nobody makes it."""

import time
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from ocr_celery.client import Client
from ocr_celery.core.export_request import ExportRequest, page_image
from ocr_celery.errors import (
    BrokerUnavailable,
    ExportFailed,
    FileNotKept,
    FormatNotAvailable,
    Internal,
    OcrError,
    PasswordNeeded,
    StoreFull,
    StoreUnavailable,
)
from ocr_celery.settings import Settings
from ocr_celery.store.exports import CHANGED, GONE
from ocr_celery.store.files.contract import NoSuchFile
from ocr_celery.store.files.folder import FolderStore
from tests.testlib.mutated_answers import PAGE
from tests.testlib.processes import RedisServer, keys, png
from tests.testlib.threads import Start
from tests.testlib.worker_double import WorkerDouble
from web import create_app, request_context, waiting
from web.result_answers import sent

ZIP = "/ocr/{}/result?format=zip"


class ExporterDouble:
    """An exporter's part, by the same calls; it is there from the beginning."""

    def __init__(self, client: Client, store: FolderStore) -> None:
        self._exports, self._store = client._exports, store
        self.client, self.zset = client, keys.of_exporters.workers
        self.client.redis.zadd(self.zset, {"e1@test": time.time() + 1000})

    def leave(self) -> None:
        self.client.redis.delete(self.zset)

    def queued(self) -> int:
        return int(self.client.redis.llen(keys.of_exporters.queue))  # type: ignore[arg-type]

    def make(self, export: ExportRequest, data: bytes) -> None:
        self._exports.begin(export, by="e1", now=time.time())
        self._store.put(export.file_name, data)
        assert self._exports.complete(export, len(data), by="e1", now=time.time()) == CHANGED

    def fail(self, export: ExportRequest, error: OcrError, *, ago: float = 0) -> None:
        self._exports.begin(export, by="e1", now=time.time())
        self._exports.fail(export, error, by="e1", now=time.time() - ago)


@pytest.fixture
def http(redis: RedisServer, tmp_path: Path) -> Iterator[FlaskClient]:
    client = Client(Settings(redis_url=redis.url, store=f"file://{tmp_path}"), service=True)
    yield create_app(client=client).test_client()
    client.redis.close()


@pytest.fixture
def exporter(client: Client, tmp_path: Path) -> ExporterDouble:
    return ExporterDouble(client, FolderStore(tmp_path / keys.queue))


@pytest.fixture
def image(client: Client, worker: WorkerDouble) -> str:
    id = client.submit_image(png(), name="Bericht 2024.png")
    worker.complete(id, PAGE)
    return id


def test_a_file_is_asked_for_once_and_sent_when_it_is_made(
    http: FlaskClient, image: str, exporter: ExporterDouble
) -> None:
    for _ in range(3):
        answer = http.get(ZIP.format(image))
        assert (answer.status_code, answer.json["status"], answer.headers["Retry-After"]) == (202, "pending", "2")
    assert exporter.queued() == 1
    exporter.make(ExportRequest(image, "zip"), b"PK" * 1_000_000)
    answer = http.get(ZIP.format(image))
    assert (answer.status_code, answer.content_type, answer.data) == (200, "application/zip", b"PK" * 1_000_000)
    assert answer.content_length == 2_000_000
    assert answer.headers["Content-Disposition"] == 'attachment; filename="Bericht 2024.zip"'
    exporter.leave()
    assert http.get(ZIP.format(image)).status_code == 200  # it needs nobody any more


def test_a_caller_waits_until_the_task_is_read_and_its_file_is_made(
    http: FlaskClient, client: Client, exporter: ExporterDouble, worker: WorkerDouble, start: Start
) -> None:
    id = client.submit_image(png())
    answer = start(http.get, ZIP.format(id) + "&wait=40")
    worker.complete(id, PAGE)
    end = time.monotonic() + 60
    while not exporter.queued():
        assert time.monotonic() < end
        time.sleep(0.01)
    exporter.make(ExportRequest(id, "zip"), b"PK")
    assert (answer.result(60).status_code, answer.result().data) == (200, b"PK")


def test_a_file_of_a_task_that_is_not_ready_is_not_asked_for(
    http: FlaskClient, client: Client, exporter: ExporterDouble, worker: WorkerDouble
) -> None:
    id = client.submit_image(png())
    assert http.get(ZIP.format(id)).status_code == 202
    worker.fail(id, PasswordNeeded())
    answer = http.get(ZIP.format(id))
    assert (answer.status_code, answer.json["code"]) == (409, "password_needed")
    assert http.get(ZIP.format("unknown")).status_code == 404
    assert exporter.queued() == 0


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (PasswordNeeded(), 409),
        (FileNotKept(), 409),
        (ExportFailed(), 409),
        (FormatNotAvailable("Install pandoc."), 501),
        (StoreUnavailable(), 503),
        (StoreFull(), 507),
        (Internal(), 500),
    ],
)
def test_an_export_that_failed_says_why_and_is_tried_anew_later(
    http: FlaskClient, image: str, exporter: ExporterDouble, error: OcrError, status: int
) -> None:
    exporter.fail(ExportRequest(image, "zip"), error)
    answer = http.get(ZIP.format(image))
    assert (answer.status_code, answer.json) == (status, {"detail": error.message, "code": error.code})
    assert answer.headers.get("Retry-After") == (None if status in (409, 501) else "60")
    exporter.fail(ExportRequest(image, "zip"), error, ago=100)
    assert http.get(ZIP.format(image)).status_code == 202


def test_where_nobody_makes_exports_the_answer_says_what_to_start(http: FlaskClient, image: str) -> None:
    answer = http.get(ZIP.format(image) + "&wait=30")
    assert (answer.status_code, answer.json["code"]) == (503, "no_exporter")
    assert "celery -A ocr_celery.export worker" in answer.json["detail"]


def test_where_files_lie_in_redis_the_answer_says_that_none_are_kept(
    facade: Callable[..., FlaskClient], worker: WorkerDouble
) -> None:
    http = facade()
    client: Client = http.application.extensions["ocr_client"]
    id = client.submit_image(png())
    worker.complete(id, PAGE)
    for path in (ZIP.format(id), f"/ocr/{id}/pages/1/image"):
        answer = http.get(path)
        assert (answer.status_code, answer.json["code"]) == (501, "format_not_available")
        assert "OCR_STORE" in answer.json["detail"]


def test_a_file_that_is_gone_from_the_store_is_made_again(
    http: FlaskClient, image: str, exporter: ExporterDouble, tmp_path: Path
) -> None:
    export = ExportRequest(image, "zip")
    exporter.make(export, b"PK")
    FolderStore(tmp_path / keys.queue).delete(export.file_name)
    assert http.get(ZIP.format(image)).status_code == 202
    assert exporter.queued() == 1


def test_an_export_of_which_nothing_is_heard_is_queued_again(
    http: FlaskClient, image: str, exporter: ExporterDouble, client: Client
) -> None:
    export = ExportRequest(image, "zip")
    http.get(ZIP.format(image))
    client._exports.begin(export, by="e1", now=time.time() - 100)  # its exporter is gone for good
    http.get(ZIP.format(image))
    assert exporter.queued() == 2


def test_nothing_is_left_of_the_exports_of_a_task_that_is_forgotten(
    http: FlaskClient, image: str, exporter: ExporterDouble, client: Client, tmp_path: Path
) -> None:
    export = ExportRequest(image, "zip")
    exporter.make(export, b"PK")
    client._exports.begin(page_image(image, 1, annotated=True), by="e1", now=time.time())
    http.delete(f"/ocr/{image}")
    assert [path.name for path in (tmp_path / keys.queue).glob("[!.]*")] == []
    assert client._exports.complete(page_image(image, 1, annotated=True), 5, by="e1", now=time.time()) == GONE
    assert client._exports.begin(export, by="e1", now=time.time()) == GONE
    assert not client.redis.exists(keys.exports(image))


def test_a_page_is_shown(http: FlaskClient, image: str, exporter: ExporterDouble) -> None:
    exporter.make(page_image(image, 1, annotated=True), b"\xff\xd8")
    answer = http.get(f"/ocr/{image}/pages/1/image?annotated=true")
    assert (answer.status_code, answer.content_type, answer.data) == (200, "image/jpeg", b"\xff\xd8")
    assert answer.headers["Content-Disposition"] == 'inline; filename="Bericht 2024.page-1.jpg"'
    assert http.get(f"/ocr/{image}/pages/1/image?wait=0").status_code == 202
    assert http.get(f"/ocr/{image}/pages/2/image").status_code == 404
    assert http.get(f"/ocr/{image}/pages/0/image").status_code == 404


@pytest.mark.parametrize("outputs", ["zip", "zip,zip"])
def test_outputs_are_sent_with_the_page(http: FlaskClient, queued: Any, outputs: str) -> None:
    assert http.post("/ocr/url", json={"url": "http://a/", "outputs": outputs}).status_code == 202
    assert queued()[0][2] == {"outputs": outputs}


def test_an_unknown_output_is_refused(http: FlaskClient) -> None:
    for answer in (
        http.post("/ocr/url", json={"url": "http://a/", "outputs": "exe"}),
        http.post("/ocr", data={"file": (BytesIO(png()), "a.png"), "outputs": "exe"}),
        http.post("/ocr/url/batch", json={"urls": ["http://a/"], "outputs": "exe"}),
    ):
        assert (answer.status_code, answer.json["code"]) == (422, "bad_option")


@pytest.mark.parametrize("error", [NoSuchFile("a"), StoreUnavailable(), BrokerUnavailable()])
def test_a_download_that_cannot_go_on_is_broken_off(http: FlaskClient, error: Exception) -> None:
    def pieces() -> Iterator[bytes]:
        yield b"first"
        yield b"second"
        raise error

    with http.application.test_request_context():
        data = sent(pieces(), "a")
    assert (next(data), next(data)) == (b"first", b"second")
    with pytest.raises(ConnectionResetError):
        next(data)


def test_a_request_that_waits_twice_says_how_long_it_waited_in_all(http: FlaskClient) -> None:
    with http.application.test_request_context():
        request_context.notes().long_poll_seconds = 7.0
        with waiting._clock_stopped():
            pass
        assert 7.0 < request_context.notes().long_poll_seconds < 60.0
