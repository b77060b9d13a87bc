"""What every store of files promises: the same tests for all, with a subclass for each store that makes it."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import pytest

from ocr_celery.store.files.contract import FileStore, NoSuchFile
from tests.testlib.effort import part_of

LARGE = 9 * 1024 * 1024 + 7  #: bytes; more than any store handles in one part
_NO_NAMES = ["", ".", "..", "../secret", "a/b", "/etc/passwd", ".hidden", "a..b", "a\0b", "a\nb", "ä", "a" * 201]


class FileStoreContract:
    """The tests; a subclass implements the method above the line."""

    @pytest.fixture
    def store(self) -> FileStore:
        """An empty store."""
        raise NotImplementedError

    # ------------------------------------------------------------------------------------------------------------------

    @pytest.mark.parametrize("size", [1, 1000, LARGE])
    def test_a_file_comes_back_as_it_was(self, store: FileStore, size: int, tmp_path: Path) -> None:
        name, data = str(uuid4()), os.urandom(size)
        store.put(name, data)
        assert store.get(name) == data
        assert store.fetch(name, tmp_path / "copy") == size
        assert (tmp_path / "copy").read_bytes() == data

    @pytest.mark.parametrize("size", [1, 1000, LARGE])
    def test_a_file_comes_from_the_disk_and_leaves_in_pieces(self, store: FileStore, size: int, tmp_path: Path) -> None:
        name, data = f"{uuid4()}.{uuid4()}", os.urandom(size)
        (tmp_path / "source").write_bytes(data)
        store.put_file(name, tmp_path / "source")
        length, pieces = store.pieces(name)
        found = list(pieces)
        assert (length, b"".join(found)) == (size, data)
        assert all(len(piece) <= 5 * 1024 * 1024 for piece in found)

    def test_a_name_holds_one_file_and_all_of_it(self, store: FileStore) -> None:
        files = [b"x" * LARGE, b"second"]
        for data in files:
            store.put("one", data)
        assert store.get("one") in files
        assert [found.name for found in store.list()] == ["one"]

    def test_a_file_that_is_not_there_is_missing(self, store: FileStore, tmp_path: Path) -> None:
        store.put("other", b"x")
        with pytest.raises(NoSuchFile):
            store.get("one")
        with pytest.raises(NoSuchFile):
            store.fetch("one", tmp_path / "copy")
        with pytest.raises(NoSuchFile):
            store.pieces("one")

    def test_deleting_takes_the_named_files_and_no_other(self, store: FileStore) -> None:
        for name in ("one", "two", "three"):
            store.put(name, b"x")
        store.delete("one", "never-there", "two")
        store.delete()
        assert [found.name for found in store.list()] == ["three"]

    def test_the_list_names_every_file_with_size_and_time(self, store: FileStore) -> None:
        assert list(store.list()) == []
        sizes = {f"{uuid4()}": number for number in range(1, part_of(300) + 1)}
        for name, size in sizes.items():
            store.put(name, b"x" * size)
        found = list(store.list())
        assert {file.name: file.size for file in found} == sizes
        assert all(abs(file.changed_at - time.time()) < 300 for file in found)

    @pytest.mark.parametrize("name", _NO_NAMES)
    def test_what_is_no_name_reaches_no_file(self, store: FileStore, name: str, tmp_path: Path) -> None:
        store.put("kept", b"x")
        with pytest.raises(ValueError, match="no name of a file"):
            store.put(name, b"x")
        with pytest.raises(NoSuchFile):
            store.get(name)
        with pytest.raises(NoSuchFile):
            store.fetch(name, tmp_path / "copy")
        store.delete(name)
        assert [found.name for found in store.list()] == ["kept"]

    def test_threads_share_a_store(self, store: FileStore) -> None:
        files = {f"file-{number}": os.urandom(2000) for number in range(100)}
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(store.put, files.keys(), files.values()))
            assert list(pool.map(store.get, files)) == list(files.values())
            list(pool.map(store.delete, files))
        assert list(store.list()) == []
