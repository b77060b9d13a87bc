"""What an exporter makes of a request; the client, the store, the decoder and the records are played by the test."""

import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ocr_celery.core.export_request import ExportRequest
from ocr_celery.core.status import Status, TaskView
from ocr_celery.errors import NoResult, OcrError, ResultExpired
from ocr_celery.export import exporter as module
from ocr_celery.export.contract import ExportJob
from ocr_celery.export.exporter import Exporter
from ocr_celery.store.exports import UNREAD
from ocr_celery.store.files.folder import FolderStore

ZIP = ExportRequest("a", "zip")


class Records:
    """The records of exports: what was noted in them."""

    def __init__(self) -> None:
        self.tries = 1
        self.failed: list[OcrError] = []
        self.completed: list[int] = []

    def begin(self, _: ExportRequest, *, now: float) -> int:  # noqa: ARG002
        return self.tries

    def note_alive(self, _: ExportRequest, **_more: Any) -> bool:
        return True

    def complete(self, _: ExportRequest, size: int, **_more: Any) -> bool:
        self.completed.append(size)
        return True

    def fail(self, _: ExportRequest, error: OcrError, **_more: Any) -> None:
        self.failed.append(error)


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

    def _write(self, job: ExportJob) -> Path:
        return self.write(job)

    @staticmethod
    def writes(job: ExportJob) -> Path:
        path = job.folder / "made"
        path.write_bytes(b"file")
        return path


def view(status: Status, **more: Any) -> TaskView:
    return TaskView(id="a", status=status, created_at=1.0, updated_at=time.time(), **more)


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
