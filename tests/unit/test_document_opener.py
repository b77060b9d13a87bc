"""A document's file is opened where the worker has it, and stored only where its pages are read from it later."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ocr_celery.consumer.document_opener import DocumentOpener
from ocr_celery.consumer.file_keeper import FileKeeper
from ocr_celery.consumer.page_run import PageRun
from ocr_celery.consumer.spool import Spool
from ocr_celery.consumer.stored_files import StoredFiles
from ocr_celery.core.document_info import DocumentInfo
from ocr_celery.core.document_options import DocumentOptions
from ocr_celery.core.options import Options
from ocr_celery.errors import BadOption, FileTooLarge, UnreadableDocument, WorkerKilled
from ocr_celery.message import IMAGE, Job
from ocr_celery.settings import Settings
from ocr_celery.store.files.folder import FolderStore
from tests.testlib.processes import png


class Bench:
    """An opener with a store and a spool; the test says how many pages a file has."""

    def __init__(self, folder: Path) -> None:
        self.pages, self.id = 1, "d"
        self.error: Exception | None = None
        self.opened: list[bytes] = []
        self.store = FolderStore(folder / "store")
        self.store.put("elsewhere", b"%PDF-")
        files = StoredFiles(self.store, self.store)
        self.spool = Spool(files, max_bytes=1000, parent=folder)
        registry: Any = SimpleNamespace(redis=None, keys=None, documents=None)
        decoder: Any = SimpleNamespace(open_document=self.count)
        self.keeper = FileKeeper(self.store, registry, enabled=True)
        self.opener = DocumentOpener(Settings(), registry, files, self.spool, decoder, keeper=self.keeper)

    def count(self, path: Path, *, password: str) -> DocumentInfo:  # noqa: ARG002
        """As the decoder does."""
        self.opened.append(path.read_bytes())
        if self.error:
            raise self.error
        return DocumentInfo(kind="pdf", pages=self.pages)

    def open(self, source: object, *, convicted: WorkerKilled | None = None) -> PageRun:
        """Open the document of a task, as after it was loaded."""
        run = self.loaded(source, convicted)
        run.file = b"%PDF-"
        self.opener.open(run)
        return run

    def open_stored(self, source: str, *, convicted: WorkerKilled | None = None) -> PageRun:
        """The same where only its reference is known."""
        run = self.loaded(source, convicted)
        self.opener.open_stored(run)
        return run

    def loaded(self, source: object, convicted: WorkerKilled | None) -> PageRun:
        """A task without its file."""
        request = SimpleNamespace(id=self.id, type=IMAGE)
        run = PageRun(request, None, (), lambda *_: None, None)
        run.convicted = convicted
        run.job = Job(IMAGE, source, Options(), DocumentOptions())
        return run

    @property
    def stored(self) -> list[str]:
        """What lies in the store."""
        return sorted(file.name for file in self.store.list())


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.spool.close()


@pytest.mark.parametrize("source", [b"%PDF-", "https://example.com/a.pdf", "file:elsewhere"])
def test_a_file_of_one_page_is_not_stored_and_stays_until_it_is_decoded(bench: Bench, source: object) -> None:
    run = bench.open(source)
    assert bench.opened == [b"%PDF-"]
    assert bench.stored == ["elsewhere"]
    assert not run.was_stored
    assert run.document_page is not None
    path = run.document_page.path
    assert path.exists()
    run.release_document_page()
    assert not path.exists()


def test_a_file_that_cannot_be_opened_is_not_stored_and_leaves_nothing(bench: Bench) -> None:
    bench.error = UnreadableDocument()
    with pytest.raises(UnreadableDocument):
        bench.open(b"%PDF-")
    assert bench.stored == ["elsewhere"]
    assert list(bench.spool.folder.glob("file-*")) == []


def test_pages_of_a_document_that_killed_workers_are_not_to_be_read_so_it_is_not_stored(bench: Bench) -> None:
    bench.pages = 2
    with pytest.raises(WorkerKilled):
        bench.open(b"%PDF-", convicted=WorkerKilled())
    assert bench.stored == ["elsewhere"]


def test_a_document_in_the_store_is_fetched_and_never_held_in_memory(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(FolderStore, "get")
    run = bench.open_stored("file:elsewhere")
    assert bench.opened == [b"%PDF-"]
    assert run.file is None
    assert run.document_page is not None


@pytest.mark.parametrize("id", ["", "x" * 201, "\u8bf7" * 24])
def test_an_id_that_makes_no_name_of_a_file_is_refused(bench: Bench, id: str) -> None:
    bench.pages, bench.id = 2, id
    with pytest.raises(BadOption, match="task_id"):
        bench.open(b"%PDF-")


def test_an_image_that_was_sent_as_a_document_is_read_as_the_image_it_is(bench: Bench) -> None:
    bench.store.put("image", png())
    run = bench.open_stored("file:image")
    assert (run.file, run.document_page, bench.opened) == (png(), None, [])
    with pytest.raises(WorkerKilled):
        bench.open_stored("file:image", convicted=WorkerKilled())


def test_a_stored_file_that_is_too_large_is_refused(bench: Bench) -> None:
    bench.store.put("image", b"\x89PNG" + bytes(Settings().max_image_bytes))
    with pytest.raises(FileTooLarge):
        bench.open_stored("file:image")
