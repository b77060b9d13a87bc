"""Files in S3 keep the promises of every store of files, shown by moto's server, which speaks its protocol."""

import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from uuid import uuid4

import pytest
from redis import Redis

from ocr_celery.errors import StoreUnavailable
from ocr_celery.store.files.contract import FileStore
from ocr_celery.store.files.opening import open_store
from tests.testlib.file_store_contract import FileStoreContract
from tests.testlib.processes import ROOT, free_port, keys, until

#: `make test-s3` makes an environment with moto, which takes 317 MB
_OWN = ROOT / ".venv-s3" / "bin" / "python"
_PYTHON = str(_OWN) if _OWN.exists() else sys.executable

pytestmark = pytest.mark.skipif(
    not _OWN.exists() and find_spec("moto") is None, reason="moto is not installed: make test-s3"
)


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    url = f"http://127.0.0.1:{(port := free_port())}"
    server = subprocess.Popen(
        [_PYTHON, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    until(lambda: answers(url), what="moto answers")
    yield url
    server.kill()
    server.wait()


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=30):
            return True
    except OSError:
        return False


def use(endpoint: str, environment: pytest.MonkeyPatch) -> None:
    """What an operator sets."""
    environment.setenv("AWS_ENDPOINT_URL", endpoint)
    environment.setenv("AWS_ACCESS_KEY_ID", "a key")
    environment.setenv("AWS_SECRET_ACCESS_KEY", "a secret")


@pytest.fixture
def bucket(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """An empty bucket."""
    use(endpoint, monkeypatch)
    name = f"bucket-{uuid4()}"
    with urllib.request.urlopen(urllib.request.Request(f"{endpoint}/{name}", method="PUT"), timeout=30):
        return name


def store_at(url: str) -> FileStore:
    return open_store(url, Redis(port=1), keys)


class TestS3(FileStoreContract):
    @pytest.fixture
    def store(self, bucket: str) -> FileStore:
        return store_at(f"s3://{bucket}/pre/fix")


def test_a_store_sees_no_file_beside_its_prefix(bucket: str) -> None:
    for prefix in ("", "/one", "/one-more"):
        store_at(f"s3://{bucket}{prefix}").put("file", b"x")
    assert [found.name for found in store_at(f"s3://{bucket}/one").list()] == ["file"]
    store_at(f"s3://{bucket}/one").delete("file")
    assert list(store_at(f"s3://{bucket}/one").list()) == []
    assert store_at(f"s3://{bucket}").get("file") == store_at(f"s3://{bucket}/one-more").get("file") == b"x"


def test_a_missing_bucket_is_a_store_that_is_away_and_no_missing_file(bucket: str, tmp_path: Path) -> None:
    store = store_at(f"s3://not-{bucket}")
    for call in (
        lambda: store.put("one", b"x"),
        lambda: store.get("one"),
        lambda: store.fetch("one", tmp_path / "copy"),
        lambda: list(store.list()),
    ):
        with pytest.raises(StoreUnavailable, match="no such bucket"):
            call()


def test_a_server_that_does_not_answer_is_a_store_that_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    use(f"http://127.0.0.1:{free_port()}", monkeypatch)
    with pytest.raises(StoreUnavailable, match="does not answer"):
        store_at("s3://bucket").put("one", b"x")
