"""What a killed worker had fetched is removed by the next one."""

import multiprocessing
from pathlib import Path

from ocr_celery.consumer.spool import Spool
from ocr_celery.consumer.stored_files import StoredFiles
from ocr_celery.store.files.folder import FolderStore


class CopyingStore(FolderStore):
    """Copies, as a store on another machine does."""

    def fetch(self, name: str, path: Path) -> int:
        """As of a folder."""
        return path.write_bytes(self.get(name))


def spool_in(parent: Path, store: FolderStore) -> Spool:
    return Spool(StoredFiles(store, store), max_bytes=300, parent=parent)


def leave_behind(folder: Path, parent: Path) -> None:
    """Fetch a file and end as a killed process does: nothing is cleared up."""
    with spool_in(parent, CopyingStore(folder)).path("file:a"):
        pass


def test_what_a_killed_worker_left_is_removed_and_a_live_one_keeps_its_own(tmp_path: Path) -> None:
    store, parent = CopyingStore(tmp_path / "store"), tmp_path / "spools"
    store.put("a", b"a" * 100)
    parent.mkdir()
    spool = spool_in(parent, store)
    with spool.path("file:a"):
        pass
    killed = multiprocessing.get_context("spawn").Process(target=leave_behind, args=(tmp_path / "store", parent))
    killed.start()
    killed.join(60)
    assert killed.exitcode == 0
    assert len(list(parent.glob("*/file-*"))) == 2
    other = spool_in(parent, store)
    assert [path.parent for path in parent.glob("*/file-*")] == [spool.folder]
    other.close()
    spool.close()
