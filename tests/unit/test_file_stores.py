"""Files lie in a folder or an object store as every store of files promises; `OCR_STORE` chooses which."""

import errno
import os
import stat
from pathlib import Path

import pytest
from obstore.store import MemoryStore
from redis import Redis

from ocr_celery.core.store_address import StoreAddress, parse
from ocr_celery.errors import StoreFull, StoreUnavailable
from ocr_celery.store.files import opening
from ocr_celery.store.files.contract import FileStore, NoSuchFile
from ocr_celery.store.files.folder import FolderStore
from ocr_celery.store.files.in_redis import RedisStore
from ocr_celery.store.files.in_s3 import ObjectFileStore, explained
from ocr_celery.store.files.opening import open_store
from ocr_celery.store.keys import Keys
from tests.testlib.file_store_contract import FileStoreContract
from tests.testlib.processes import keys


class TestFolder(FileStoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> FileStore:
        return FolderStore(tmp_path / "not" / "yet" / "there")


class TestObjectStore(FileStoreContract):
    @pytest.fixture
    def store(self) -> FileStore:
        return ObjectFileStore(MemoryStore)


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


class Known:
    """The folders that have been in use."""

    def __init__(self) -> None:
        self.folders: set[str] = set()

    def is_known(self, folder: str) -> bool:
        return folder in self.folders

    def note(self, folder: str) -> None:
        self.folders.add(folder)


def test_a_folder_that_has_been_in_use_is_not_made_anew_in_place_of_its_mount(tmp_path: Path) -> None:
    known = Known()
    for _ in range(2):  # a new process each
        FolderStore(tmp_path / "files", known=known).put("one", b"x")
    elsewhere = (tmp_path / "files").rename(tmp_path / "elsewhere")
    (tmp_path / "files").mkdir()
    with pytest.raises(StoreUnavailable, match=r"is not mounted, as it has no \.ocr-store\. Mount it"):
        FolderStore(tmp_path / "files", known=known).put("two", b"x")
    assert list((tmp_path / "files").iterdir()) == []
    (tmp_path / "files").rmdir()
    elsewhere.rename(tmp_path / "files")
    store = FolderStore(tmp_path / "files", known=known)
    store.put("two", b"x")
    assert store.get("one") == b"x"


def test_a_folder_that_is_there_is_noted_where_redis_was_replaced(tmp_path: Path) -> None:
    FolderStore(tmp_path / "files", known=Known()).put("one", b"x")
    known = Known()
    FolderStore(tmp_path / "files", known=known).put("two", b"x")
    assert known.folders == {str(tmp_path / "files")}


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


def test_what_s3_says_becomes_an_error_that_says_what_to_do() -> None:
    head = (
        "Generic S3 error: Error performing PUT http://host/bucket/one in 9ms - Server returned non-2xx status code: "
    )
    errors = [
        explained(head + text)
        for text in ("507 Insufficient Storage", "404 <Code>NoSuchBucket</Code>", "403 Forbidden", "500 Internal Error")
    ]
    assert [(error.code, error.message.split(":")[0]) for error in errors] == [
        ("store_full", "The disk of the store of files is full (OCR_STORE)"),
        ("store_unavailable", "The store of files has no such bucket"),
        ("store_unavailable", "The store of files refuses this service's credentials"),
        ("store_unavailable", "The store of files (OCR_STORE) does not answer. Please try again later."),
    ]


def test_a_store_in_s3_is_opened_by_its_first_use_and_refused_after_a_fork(monkeypatch: pytest.MonkeyPatch) -> None:
    opened = []

    def open_objects() -> MemoryStore:
        opened.append(os.getpid())
        return MemoryStore()

    store = ObjectFileStore(open_objects)
    assert opened == []
    store.put("one", b"x")
    store.put("two", b"x")
    assert opened == [os.getpid()]
    monkeypatch.setattr(os, "getpid", lambda: 1)  # as in a child, where obstore would hang
    with pytest.raises(RuntimeError, match="before this process was forked"):
        store.get("one")


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("redis:", RedisStore),
        ("file:///var/lib/ocr", FolderStore),
        ("s3://bucket", ObjectFileStore),
        ("s3://my.bucket-1/pre/fix/", ObjectFileStore),
    ],
)
def test_the_address_chooses_the_store_and_opens_nothing(url: str, kind: type) -> None:
    assert isinstance(open_store(url, Redis(port=1), keys), kind)


QUEUES = {
    "ocr": "ocr",
    "ocr-2": "ocr-2",
    "OCR": "_4f_43_52",  # a disk may not tell it from "ocr"
    "ocr.test": "ocr_2etest",
    "ocr_2etest": "ocr_5f2etest",
    "a/../b": "a_2f_2e_2e_2fb",
    "..": "_2e_2e",
    "é": "_c3_a9",
}


@pytest.mark.parametrize("queue", QUEUES)
@pytest.mark.parametrize(
    ("url", "before"),
    [("file:///var/files", "/var/files/"), ("s3://bucket", ""), ("s3://bucket/pre/fix/", "pre/fix/")],
)
def test_each_queue_has_a_part_of_the_store_of_its_own(
    url: str, before: str, queue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = []
    monkeypatch.setattr(opening, "open_s3", lambda _, prefix: opened.append(prefix) or MemoryStore())
    store = open_store(url, Redis(port=1), Keys(queue))
    assert list(store.list()) == []
    place = store.folder.as_posix() if isinstance(store, FolderStore) else opened[0]
    assert place == before + QUEUES[queue]


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("file:///with%20space", StoreAddress("file", folder=Path("/with space"))),
        ("s3://bucket", StoreAddress("s3", bucket="bucket")),
        ("s3://my.bucket-1/pre/fix/", StoreAddress("s3", bucket="my.bucket-1", prefix="pre/fix")),
    ],
)
def test_an_address_says_which_folder_or_bucket(url: str, parts: StoreAddress) -> None:
    assert parse(url) == parts


@pytest.mark.parametrize(
    "url",
    [
        *("", "folder", "file://relative/x", "file:///", "file:///a/../b", "file:///a?b", "http://host/x", "ftp:"),
        *("s3://", "s3://B", "s3://bucket/../x", "s3://bucket//x", "s3://key:secret@bucket/x", "s3://bucket/x?y"),
    ],
)
def test_an_address_of_no_store_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"redis: or file:.* or s3:"):
        open_store(url, Redis(port=1), keys)
