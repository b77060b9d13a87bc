"""A worker fetches a file once, however many threads want it, and keeps a bounded number of bytes."""

import errno
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from ocr_celery.consumer.spool import Spool
from ocr_celery.consumer.stored_files import StoredFiles
from ocr_celery.errors import ImageExpired, StoreFull, StoreUnavailable
from ocr_celery.store.files.folder import FolderStore
from tests.testlib.processes import until


class CountingStore(FolderStore):
    """A folder that counts what is fetched, and fails where a test says so. It copies, as a store on another machine does."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.fetched: list[str] = []
        self.errors: list[Exception] = []
        self.gate = threading.Event()
        self.gate.set()

    def fetch(self, name: str, path: Path) -> int:
        """As of a folder."""
        self.fetched.append(name)
        assert self.gate.wait(30)
        if self.errors:
            path.write_bytes(b"half")
            raise self.errors.pop(0)
        return path.write_bytes(self.get(name))


@pytest.fixture
def store(tmp_path: Path) -> CountingStore:
    store = CountingStore(tmp_path / "store")
    for name in "abcde":
        store.put(name, name.encode() * 100)
    return store


@pytest.fixture
def spool(store: CountingStore, tmp_path: Path) -> Iterator[Spool]:
    (tmp_path / "spools").mkdir()
    spool = Spool(StoredFiles(store, store), max_bytes=300, parent=tmp_path / "spools")
    yield spool
    spool.close()


def read(spool: Spool, name: str) -> bytes:
    with spool.path(f"file:{name}") as path:
        return path.read_bytes()


def sizes(spool: Spool) -> int:
    return sum(path.stat().st_size for path in spool.folder.glob("file-*"))


def test_many_threads_at_once_fetch_a_file_once(spool: Spool, store: CountingStore) -> None:
    store.gate.clear()
    with ThreadPoolExecutor(20) as pool:
        found = [pool.submit(read, spool, "a") for _ in range(20)]
        store.gate.set()
        assert {one.result(30) for one in found} == {b"a" * 100}
    assert store.fetched == ["a"]


def test_the_file_used_longest_ago_goes_first(spool: Spool, store: CountingStore) -> None:
    for name in "abcad":
        read(spool, name)
    assert sizes(spool) == 300
    for name in "acd":
        read(spool, name)
    assert store.fetched == ["a", "b", "c", "d"]
    assert read(spool, "b") == b"b" * 100
    assert store.fetched == ["a", "b", "c", "d", "b"]


def test_a_file_in_use_stays_however_many_others_come(spool: Spool, store: CountingStore) -> None:
    with ExitStack() as used:
        paths = [used.enter_context(spool.path(f"file:{name}")) for name in "abcd"]  # more than the bound
        read(spool, "e")
        assert [path.read_bytes()[:1] for path in paths] == [b"a", b"b", b"c", b"d"]
        assert sizes(spool) == 400
    assert sizes(spool) <= 300
    assert store.fetched == ["a", "b", "c", "d", "e"]


def test_a_file_that_is_missing_is_so_to_all_who_wait_and_is_asked_for_again(
    spool: Spool, store: CountingStore
) -> None:
    with pytest.raises(ImageExpired):
        read(spool, "late")
    store.put("late", b"here")
    assert read(spool, "late") == b"here"


def test_after_a_failure_a_file_is_fetched_again_and_nothing_of_the_half_is_left(
    spool: Spool, store: CountingStore
) -> None:
    store.errors = [StoreUnavailable()]
    with pytest.raises(StoreUnavailable):
        read(spool, "a")
    assert sizes(spool) == 0
    assert read(spool, "a") == b"a" * 100


def test_a_full_disk_is_answered_by_room(spool: Spool, store: CountingStore) -> None:
    read(spool, "a")
    with spool.path("file:b"):
        store.errors = [OSError(errno.ENOSPC, "No space left on device")]
        assert read(spool, "c") == b"c" * 100
        assert sizes(spool) == 200
    store.errors = [OSError(errno.ENOSPC, "No space left on device") for _ in range(2)]
    with pytest.raises(StoreFull, match="the worker's spool"):
        read(spool, "d")
    assert read(spool, "d") == b"d" * 100


def test_bytes_are_held_as_a_file_of_their_own_as_long_as_they_are_needed(spool: Spool, store: CountingStore) -> None:
    with spool.hold(b"first") as first, spool.hold(b"second") as second:
        assert (first.read_bytes(), second.read_bytes()) == (b"first", b"second")
        assert read(spool, "a") == b"a" * 100
        assert first.parent == spool.folder
    assert not first.exists()
    assert not second.exists()
    assert store.fetched == ["a"]


def test_a_full_disk_makes_room_for_bytes_that_are_held(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    read(spool, "a")
    room = {b"x": 1, b"too much": 0}
    writing = Path.write_bytes

    def write(path: Path, data: bytes) -> int:
        if len(list(spool.folder.glob("file-*"))) >= room[data]:
            raise OSError(errno.ENOSPC, "No space left on device")
        return writing(path, data)

    monkeypatch.setattr(Path, "write_bytes", write)
    with spool.hold(b"x") as path:
        assert path.read_bytes() == b"x"
    with pytest.raises(StoreFull, match="the worker's spool"), spool.hold(b"too much"):
        pass


def test_a_file_that_nobody_uses_any_more_goes_by_itself_and_one_in_use_stays(
    store: CountingStore, tmp_path: Path
) -> None:
    spool = Spool(StoredFiles(store, store), max_bytes=300, max_idle=0.01, parent=tmp_path)
    with spool.path("file:a") as used:
        read(spool, "b")
        until(lambda: sizes(spool) == 100, what="the other is gone")
        assert used.read_bytes() == b"a" * 100
        read(spool, "c")
        until(lambda: sizes(spool) == 100, what="the next is gone, too")
    until(lambda: sizes(spool) == 0, what="the last is gone")
    store.put("a", b"another")  # its name is that of another task now
    assert read(spool, "a") == b"another"
    spool.close()
    assert not [
        thread for thread in threading.enumerate() if thread.name == "idle-files" and not thread.finished.is_set()
    ]  # type: ignore[attr-defined]


def test_without_room_nothing_is_kept_for_a_next_use(store: CountingStore, tmp_path: Path) -> None:
    spool = Spool(StoredFiles(store, store), max_bytes=0, parent=tmp_path)
    with spool.path("file:a") as path:
        assert path.read_bytes() == b"a" * 100
    assert sizes(spool) == 0
    spool.close()


def test_it_is_gone_at_the_end(store: CountingStore, tmp_path: Path) -> None:
    spool = Spool(StoredFiles(store, store), max_bytes=300, parent=tmp_path)
    read(spool, "a")
    spool.close()
    assert not spool.folder.exists()
