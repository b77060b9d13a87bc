"""Files lie in a folder or an object store as every store of files promises; `OCR_STORE` chooses which."""

import errno
import os
import stat
from pathlib import Path

import pytest
from redis import Redis

from ocr_celery.errors import StoreFull, StoreUnavailable
from ocr_celery.store.files.contract import FileStore, NoSuchFile
from ocr_celery.store.files.folder import FolderStore
from ocr_celery.store.files.in_redis import RedisStore
from ocr_celery.store.files.opening import open_store
from tests.testlib.file_store_contract import FileStoreContract
from tests.testlib.processes import keys


class TestFolder(FileStoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> FileStore:
        return FolderStore(tmp_path / "not" / "yet" / "there")


class TestObjectStore(FileStoreContract):
    @pytest.fixture
    def store(self) -> FileStore:
        memory = pytest.importorskip("obstore.store").MemoryStore
        from ocr_celery.store.files.in_s3 import ObjectFileStore

        return ObjectFileStore(memory)


@pytest.fixture
def folder(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "files")


def full_disk(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_file_is_readable_by_its_owner_only(folder: FolderStore) -> None:
    folder.put("one", b"x")
    assert stat.S_IMODE(folder.folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder.folder / "one").stat().st_mode) == 0o600


def test_a_full_disk_refuses_a_file_with_a_code_and_leaves_what_was_there(
    folder: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.put("one", b"first")
    with monkeypatch.context() as disk:
        disk.setattr(os, "fsync", full_disk)
        with pytest.raises(StoreFull) as refused:
            folder.put("one", b"second")
        with pytest.raises(StoreFull):
            folder.put("two", b"x")
    assert (refused.value.code, refused.value.http_status) == ("store_full", 507)
    assert folder.get("one") == b"first"
    assert [found.name for found in folder.list()] == ["one"]
    folder.put("two", b"x")  # there is room again


def test_half_a_file_that_a_crash_left_is_listed_to_be_swept_and_is_not_the_file(
    folder: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.put("one", b"first")
    with monkeypatch.context() as crash:
        crash.setattr(Path, "replace", full_disk)
        crash.setattr(Path, "unlink", full_disk)
        with pytest.raises(StoreFull):
            folder.put("one", b"second")
    assert folder.get("one") == b"first"
    left = sorted(found.name for found in folder.list())
    assert len(left) == 2
    assert left[0] == "one"
    folder.delete(*left)
    assert list(folder.list()) == []


def test_a_folder_that_is_not_mounted_is_away_and_not_empty(folder: FolderStore, tmp_path: Path) -> None:
    folder.put("one", b"x")
    elsewhere = folder.folder.rename(tmp_path / "elsewhere")
    for _ in range(2):
        with pytest.raises(StoreUnavailable) as away:
            folder.get("one")
        assert away.value.http_status == 503
        with pytest.raises(StoreUnavailable):
            folder.fetch("one", tmp_path / "copy")
        folder.folder.mkdir(exist_ok=True)  # the empty folder of a mount
    folder.folder.rmdir()
    elsewhere.rename(folder.folder)
    assert folder.get("one") == b"x"
    with pytest.raises(NoSuchFile):
        folder.get("two")


def test_a_folder_that_cannot_be_used_says_why(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    store = FolderStore(tmp_path / "file" / "below")
    with pytest.raises(StoreUnavailable, match="Not a directory; see OCR_STORE"):
        store.put("one", b"x")


def test_a_fetched_file_outlives_its_place_in_the_store(folder: FolderStore, tmp_path: Path) -> None:
    folder.put("one", b"first")
    folder.fetch("one", tmp_path / "copy")
    folder.put("one", b"second")
    folder.delete("one")
    assert (tmp_path / "copy").read_bytes() == b"first"


@pytest.mark.parametrize(
    ("url", "kind"),
    [("redis:", RedisStore), ("file:///var/lib/ocr", FolderStore), ("file:///with%20space", FolderStore)],
)
def test_the_address_chooses_the_store_and_opens_nothing(url: str, kind: type) -> None:
    assert isinstance(open_store(url, Redis(port=1), keys), kind)


def test_a_folder_may_have_a_space() -> None:
    store = open_store("file:///with%20space", Redis(port=1), keys)
    assert isinstance(store, FolderStore)
    assert store.folder == Path("/with space")


@pytest.mark.parametrize(
    "url", ["", "folder", "file://relative/x", "file:///", "file:///a/../b", "http://host/x", "ftp:"]
)
def test_an_address_of_no_store_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="redis: or file:"):
        open_store(url, Redis(port=1), keys)
