"""Files that came in a message or from a URL are stored once they were read, within bounds, and never at the cost of a page."""

import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from ocr_celery.consumer.file_keeper import FileKeeper
from ocr_celery.core.file_keeping import LastChange
from ocr_celery.errors import StoreUnavailable
from ocr_celery.store.files.folder import FolderStore
from tests.testlib.processes import until


class Bench:
    """A keeper with a store; the test says how a task stands."""

    def __init__(self, folder: Any, *, enabled: bool = True, most: int = 100) -> None:
        self.store = FolderStore(folder)
        self.task: LastChange | None = LastChange("SUCCESS", 0.0)
        self.done: list[str] = []
        registry: Any = SimpleNamespace(last_changes=lambda ids: [self.task for _ in ids])
        self.keeper = FileKeeper(
            self.store, registry, enabled=enabled, then=lambda run: self.done.append(run.id), most=most
        )
        self.keeper.start()

    def read(self, id: str, data: bytes, source: object = b"", *, was_read: bool = True) -> None:
        """A page whose file is these bytes was held and is done with."""
        run = self.run(id, source)
        self.keeper.hold(run, data)
        self.keeper.finish(run, was_read=was_read)

    @staticmethod
    def run(id: str, source: object = b"") -> Any:
        return SimpleNamespace(id=id, job=SimpleNamespace(source=source), held_file=None)

    @property
    def names(self) -> list[str]:
        return sorted(file.name for file in self.store.list())


@pytest.fixture
def make(tmp_path: Any) -> Callable[..., Bench]:
    return lambda **options: Bench(tmp_path, **options)


def test_the_file_of_a_page_that_was_read_lies_in_the_store_before_what_follows_begins(
    make: Callable[..., Bench],
) -> None:
    bench = make()
    bench.read("a", b"data")
    until(lambda: bench.done == ["a"], what="it is stored")
    assert bench.store.get("a") == b"data"


def test_the_file_of_a_page_that_failed_is_not_stored_and_nothing_follows(make: Callable[..., Bench]) -> None:
    bench = make()
    bench.read("a", b"data", was_read=False)
    bench.read("b", b"data")
    until(lambda: bench.done == ["b"], what="the next is stored")
    assert bench.names == ["b"]


def test_what_lies_in_the_store_already_and_what_has_no_name_is_not_stored_again(make: Callable[..., Bench]) -> None:
    bench = make()
    bench.read("a", b"data", source="file:a")
    bench.read("x" * 300, b"data")
    assert bench.done == ["a", "x" * 300]
    assert bench.names == []


def test_files_beyond_the_bound_are_not_held_and_their_pages_go_on(make: Callable[..., Bench]) -> None:
    bench = make(most=10)
    held, refused = bench.run("a"), bench.run("b")
    bench.keeper.hold(held, b"x" * 8)
    bench.keeper.hold(refused, b"x" * 3)
    assert (held.held_file, refused.held_file) == (b"x" * 8, None)
    bench.keeper.finish(held, was_read=False)  # makes room
    bench.read("c", b"x" * 10)
    until(lambda: bench.done == ["c"], what="it is stored")


def test_the_file_of_a_task_that_was_forgotten_meanwhile_is_not_left(make: Callable[..., Bench]) -> None:
    bench = make()
    bench.task = None
    bench.read("a", b"data")
    until(lambda: bench.done == ["a"], what="it is dealt with")
    assert bench.names == []


def test_a_store_that_is_away_costs_the_file_only(make: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch) -> None:
    bench = make(most=10)

    def refuse(*_: object) -> None:
        raise StoreUnavailable

    with monkeypatch.context() as patch:
        patch.setattr(bench.store, "put", refuse)
        bench.read("a", b"x" * 10)
        until(lambda: bench.done == ["a"], what="it is dealt with")
    bench.read("b", b"x" * 10)
    until(lambda: bench.done == ["a", "b"], what="the next has room")
    assert bench.names == ["b"]


def test_nothing_is_kept_where_that_is_switched_off(make: Callable[..., Bench]) -> None:
    bench = make(enabled=False)
    bench.read("a", b"data")
    assert bench.done == ["a"]
    assert bench.names == []


def test_a_worker_that_ends_waits_for_its_files_but_not_for_ever(
    make: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench, gate = make(), threading.Event()
    put = bench.store.put

    def put_slowly(name: str, data: bytes) -> None:
        assert gate.wait(30)
        put(name, data)

    monkeypatch.setattr(bench.store, "put", put_slowly)
    bench.read("a", b"data")
    bench.read("b", b"data")
    bench.keeper.drain(0.01)
    assert bench.done == []
    gate.set()
    bench.keeper.drain(60)
    assert (bench.done, bench.names) == (["a", "b"], ["a", "b"])
