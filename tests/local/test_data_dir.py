"""The folder of `make run`: private, locked by one run, with a socket path that Redis and a URL can take."""

import os
import stat
from pathlib import Path

import pytest

from ocr_celery.core import store_address
from ocr_celery.local import LocalRunError
from ocr_celery.local.data_dir import DataDir
from ocr_celery.settings import Settings


@pytest.fixture
def short_tmp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A temporary folder of the test's own, in place of the machine's."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def test_create_makes_a_folder_that_its_owner_only_can_read(tmp_path: Path) -> None:
    folder = DataDir(tmp_path / "new" / "data")
    folder.create()
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700
    assert (folder.path / "redis").is_dir()
    folder.create()


def test_uploaded_files_have_a_folder_of_their_own_whatever_its_path(tmp_path: Path) -> None:
    folder = DataDir(tmp_path / "with space" / "data")
    address = Settings(batch_size=1, store=folder.store_address).store_address
    assert store_address.parse(address).folder == folder.path / "files"


def test_a_folder_that_cannot_be_made_is_named_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(LocalRunError, match=r"^OCR_DATA_DIR=.*/file/data cannot be used: Not a directory; set it to"):
        DataDir(tmp_path / "file" / "data").create()


def test_a_path_inside_the_current_folder_is_shown_relative_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert DataDir(Path(".ocr")).display_path == ".ocr"
    assert DataDir(Path(".")).display_path == "."
    assert DataDir(Path("/elsewhere")).display_path == "/elsewhere"


def test_the_socket_is_in_the_folder_where_its_path_allows_that() -> None:
    assert DataDir(Path("/srv/ocr")).socket == Path("/srv/ocr/redis.sock")
    assert DataDir(Path("/srv/ocr")).redis_url == "redis+socket:///srv/ocr/redis.sock"


@pytest.mark.parametrize("name", ["x" * 100, "with space", "per%cent", "umlaut-ä"])
def test_a_path_that_is_too_long_or_needs_escaping_has_a_socket_elsewhere_that_can_be_bound(
    name: str, short_tmp: Path
) -> None:
    folder = DataDir(short_tmp / name)
    assert folder.socket.parent.parent == short_tmp
    assert folder.socket == DataDir(short_tmp / name).socket
    assert folder.socket != DataDir(short_tmp / (name + "2")).socket
    folder.create_socket_folder()
    assert stat.S_IMODE(folder.socket.parent.stat().st_mode) == 0o700


def test_a_socket_folder_that_others_can_write_to_is_refused(short_tmp: Path) -> None:
    folder = DataDir(short_tmp / "with space")
    folder.socket.parent.mkdir()
    folder.socket.parent.chmod(0o777)
    with pytest.raises(LocalRunError, match="or is open to others: set OCR_DATA_DIR"):
        folder.create_socket_folder()


def test_a_link_in_place_of_the_socket_folder_is_refused(short_tmp: Path) -> None:
    folder = DataDir(short_tmp / "with space")
    (short_tmp / "other").mkdir(mode=0o700)
    folder.socket.parent.symlink_to(short_tmp / "other")
    with pytest.raises(LocalRunError, match="set OCR_DATA_DIR"):
        folder.create_socket_folder()


def test_a_second_run_is_refused_with_the_process_id_of_the_first(tmp_path: Path) -> None:
    folder = DataDir(tmp_path)
    lock = folder.lock(timeout=0)
    try:
        with pytest.raises(LocalRunError, match=rf"already running in .* \(pid {os.getpid()}\); to run a second one"):
            folder.lock(timeout=60)
    finally:
        os.close(lock)
    os.close(folder.lock(timeout=0))


def test_the_lock_of_a_run_that_died_is_waited_for_no_longer_than_the_timeout(tmp_path: Path) -> None:
    folder = DataDir(tmp_path)
    lock = folder.lock(timeout=0)  # as its orphan reaper keeps it
    os.ftruncate(lock, 0)
    try:
        with pytest.raises(LocalRunError, match="already running"):
            folder.lock(timeout=0.2)
    finally:
        os.close(lock)
