"""What an exporter makes of a request; the client, the store, the decoder and the records are played by the test."""

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from celery.worker import state as worker_state

from ocr_celery.core.export_request import ExportRequest
from ocr_celery.core.status import Status, TaskView
from ocr_celery.errors import FileNotKept, ImageExpired, NoResult, OcrError, ResultExpired, TaskNotFound
from ocr_celery.export import attempt, job
from ocr_celery.export import exporter as module
from ocr_celery.export.attempt import Interrupted
from ocr_celery.export.contract import ExportJob
from ocr_celery.export.exporter import Exporter
from ocr_celery.export.job import StoredJob
from ocr_celery.settings import Settings
from ocr_celery.store.exports import CHANGED, GONE, SUPERSEDED, UNREAD
from ocr_celery.store.files.folder import FolderStore
from tests.testlib.processes import until

ZIP = ExportRequest("a", "zip")


class Records:
    """The records of exports: what was noted in them, and what every call answers."""

    def __init__(self) -> None:
        self.tries, self.answers = 1, CHANGED
        self.failed: list[OcrError] = []
        self.completed: list[int] = []
        self.alive = self.given_back = 0

    def begin(self, _: ExportRequest, **_more: Any) -> int:
        return self.tries

    def note_alive(self, _: ExportRequest, **_more: Any) -> int:
        self.alive += 1
        return self.answers

    def give_back(self, _: ExportRequest, **_more: Any) -> int:
        self.given_back += 1
        return self.answers

    def complete(self, _: ExportRequest, size: int, **_more: Any) -> int:
        self.completed.append(size)
        return self.answers

    def fail(self, _: ExportRequest, error: OcrError, **_more: Any) -> int:
        self.failed.append(error)
        return self.answers


class Bench:
    """An exporter that has no Redis."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.records, self.store = Records(), FolderStore(folder / "store")
        self.view = view(Status.COMPLETED, result={"text": "words"})
        self.write: Callable[[ExportJob], Path] = self.writes
        (folder / "spool").mkdir()
        self.exporter: Any = object.__new__(Exporter)
        self.exporter._client = SimpleNamespace(look_up_outline=lambda _: self.view)
        self.exporter._settings = SimpleNamespace(export_seconds=60.0, keep_files=True)
        self.exporter._exports, self.exporter._store = self.records, self.store
        self.exporter._spool = SimpleNamespace(folder=folder / "spool")
        self.exporter._decoder = SimpleNamespace(max_pixels=10)
        monkeypatch.setattr(module, "writer", lambda _: self._write)

    def _write(self, wanted: ExportJob) -> Path:
        return self.write(wanted)

    @staticmethod
    def writes(wanted: ExportJob) -> Path:
        path = wanted.folder / "made"
        path.write_bytes(b"file")
        return path


def view(status: Status, **more: Any) -> TaskView:
    return TaskView(**{"id": "a", "status": status, "created_at": 1.0, "updated_at": time.time(), **more})


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(tmp_path, monkeypatch)


def test_a_file_is_made_put_into_the_store_and_noted(bench: Bench) -> None:
    assert bench.exporter.make(ZIP)["file"] == ZIP.file_name
    assert bench.store.get(ZIP.file_name) == b"file"
    assert bench.records.completed == [4]


def test_of_a_task_that_is_not_read_nothing_is_made_and_nothing_noted(bench: Bench) -> None:
    bench.records.tries = UNREAD
    with pytest.raises(NoResult):
        bench.exporter.make(ZIP)
    assert bench.records.failed == []


@pytest.mark.parametrize("status", [Status.PENDING, Status.PROCESSING, Status.FAILED])
def test_a_result_that_is_gone_meanwhile_is_not_made_into_a_file(bench: Bench, status: Status) -> None:
    bench.view = view(status, error=ResultExpired() if status.final else None)
    with pytest.raises(ResultExpired if status.final else NoResult):
        bench.exporter.make(ZIP)
    assert not list(bench.store.list())
    assert len(bench.records.failed) == 1


def test_a_file_that_nobody_needs_any_more_is_not_left(bench: Bench) -> None:
    bench.records.answers = GONE
    with pytest.raises(TaskNotFound):
        bench.exporter.make(ZIP)
    assert not list(bench.store.list())


def test_an_exporter_whose_export_another_has_begun_leaves_it_and_its_file_alone(bench: Bench) -> None:
    bench.records.answers = SUPERSEDED
    bench.exporter.make(ZIP)
    assert bench.records.failed == []
    assert bench.store.get(ZIP.file_name) == b"file"  # the other's, by now


@pytest.mark.parametrize("answers", [CHANGED, SUPERSEDED])
def test_one_that_stops_gives_back_what_is_its_own(bench: Bench, monkeypatch: pytest.MonkeyPatch, answers: int) -> None:
    def stops(wanted: ExportJob) -> Path:
        monkeypatch.setattr(worker_state, "should_stop", 0)
        wanted.check()
        raise AssertionError("it is to stop")

    bench.write, bench.records.answers = stops, answers
    with pytest.raises(Interrupted) if answers == CHANGED else nullcontext():
        bench.exporter.make(ZIP)  # where it returns its message is acknowledged, and no third exporter begins
    assert (bench.records.given_back, bench.records.failed) == (1, [])


def test_an_export_lives_while_its_file_goes_into_the_store(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempt, "_ALIVE_INTERVAL", 0.001)

    def put_slowly(*_: object) -> None:
        known = bench.records.alive
        until(lambda: bench.records.alive > known + 2, what="it says that it lives")

    bench.exporter._store = SimpleNamespace(in_redis=False, put_file=put_slowly)
    bench.exporter.make(ZIP)
    assert bench.records.completed == [4]


def job_of(folder: Path, *, updated_at: float, keep_files: bool, missing: list[Exception]) -> StoredJob:
    """A job of a task that changed then. Its file is asked for as often as there are errors until it is there."""

    @contextmanager
    def path(_: str) -> Iterator[Path]:
        if missing:
            raise missing.pop()
        yield folder / "file"

    return StoredJob(
        ZIP,
        view(Status.COMPLETED, updated_at=updated_at),
        client=SimpleNamespace(settings=SimpleNamespace(keep_files=keep_files)),  # type: ignore[arg-type]
        spool=SimpleNamespace(path=path),  # type: ignore[arg-type]
        decoder=SimpleNamespace(max_pixels=10),  # type: ignore[arg-type]
        folder=folder,
        stack=ExitStack(),
        alive=lambda: None,
    )


@pytest.mark.parametrize("ahead", [-50.0, 0.0, 3600.0])
def test_a_file_that_a_worker_may_be_about_to_store_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ahead: float
) -> None:
    monkeypatch.setattr(job, "_PAUSE", 0.0)
    missing: list[Exception] = [ImageExpired() for _ in range(50)]
    made = job_of(tmp_path, updated_at=time.time() + ahead, keep_files=True, missing=missing)
    assert made.source_path() == tmp_path / "file"


@pytest.mark.parametrize(("ahead", "keep_files"), [(-61.0, True), (0.0, False)])
def test_a_file_that_nobody_will_store_is_not_waited_for(tmp_path: Path, ahead: float, keep_files: bool) -> None:
    missing: list[Exception] = [ImageExpired() for _ in range(2)]
    made = job_of(tmp_path, updated_at=time.time() + ahead, keep_files=keep_files, missing=missing)
    with pytest.raises(FileNotKept):
        made.source_path()
    assert len(missing) == 1


def test_a_clock_that_is_ahead_makes_no_wait_longer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job, "_PAUSE", 0.0)
    monkeypatch.setattr(job, "_GRACE", 0.01)
    missing: list[Exception] = [ImageExpired()] * 10**6
    made = job_of(tmp_path, updated_at=time.time() + 3600, keep_files=True, missing=missing)
    with pytest.raises(FileNotKept):
        made.source_path()


@pytest.fixture
def real(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Exporter]:
    """An exporter with a spool and a store, and without decoders."""
    monkeypatch.setattr(module, "DecoderPool", SimpleNamespace)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    made = Exporter(Settings(redis_url="redis://localhost:1", store=f"file://{tmp_path}/store"))
    yield made
    made._spool.close()


def test_an_exporter_keeps_no_file_for_its_next_export(real: Exporter, tmp_path: Path) -> None:
    folder = tmp_path / "store" / "ocr"
    FolderStore(folder).put("a", b"first")
    with real._spool.path("file:a") as path:
        assert path.read_bytes() == b"first"
    FolderStore(folder).put("a", b"second")  # of another task with the same id
    with real._spool.path("file:a") as path:
        assert path.read_bytes() == b"second"
    assert list(real._spool.folder.glob("file-*")) == []


def test_an_exporter_whose_decoders_cannot_be_started_ends(monkeypatch: pytest.MonkeyPatch, real: Exporter) -> None:
    ends: list[int] = []
    monkeypatch.setattr(module.shutdown, "shut_down", ends.append)
    real._decoder.on_failure(OSError("no process"))
    assert ends == [70]
