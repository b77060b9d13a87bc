"""vLLM sends no usage reports, and writes no files outside the folders it is given."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from ocr_celery import privacy
from ocr_celery.client import Client
from ocr_celery.settings import Settings
from tests.testlib.processes import RedisServer, Worker, final, png, until
from tests.testlib.system_calls import DEVICES, Trace, require_strace
from tests.testlib.vllm.pages import SENTENCE
from tests.testlib.vllm.processes import WARM, ready


@pytest.fixture
def temporary() -> Iterator[Path]:
    """A folder for what is temporary; the path of a socket may not be as long as that of tmp_path."""
    with TemporaryDirectory() as folder:
        yield Path(folder)


@pytest.fixture
def traced(
    checkpoint: Path, redis: RedisServer, tmp_path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Worker, Trace]]:
    """A worker with vLLM in an empty home, with every call of its processes noted."""
    require_strace(tmp_path / "tried")
    for name in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", *privacy.CACHES, "VLLM_HOST_IP"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "home").mkdir()
    settings = {
        "OCR_ENGINE": "vllm",
        "OCR_MODEL_PATH": checkpoint,
        "OCR_MAX_MODEL_LEN": 4096,
        "OCR_DEFAULT_MAX_TOKENS": 4096,
        "OCR_BATCH_SIZE": 4,
        "OCR_DATA_DIR": tmp_path / "data",
        "HOME": tmp_path / "home",
        "TMPDIR": temporary,
        "PYTHONDONTWRITEBYTECODE": 1,
    }
    trace = Trace(tmp_path / "trace")
    worker = Worker("gpu", redis.url, settings, before=trace.command)
    yield worker, trace
    worker.end()


def test_no_question_no_connection_and_no_file_leave_the_worker(
    traced: tuple[Worker, Trace], redis: RedisServer, tmp_path: Path, temporary: Path
) -> None:
    worker, trace = traced
    until(lambda: ready(worker), timeout=2 * WARM, what="the worker is warm")
    client = Client(Settings(redis_url=redis.url))
    assert final(client, [client.submit_image(png(300, 200), prompt=SENTENCE)], timeout=WARM)[0].error is None
    worker.end()
    until(lambda: trace.complete, timeout=60, what="every process of it has ended")
    assert trace.outside() == set()
    written = trace.written()
    assert any(path.is_relative_to(tmp_path / "data") for path in written)  # else nothing was seen
    allowed = (tmp_path / "data", temporary, *DEVICES)
    assert {path for path in written if not any(path.is_relative_to(folder) for folder in allowed)} == set()
    assert list((tmp_path / "home").iterdir()) == []
