"""The generated checkpoint and the real vLLM engine. These tests run in a virtual environment of their own: `make test-vllm`."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).parent
# the engine's contract and the processes of the worker tests are shared with those
sys.path[:0] = [str(HERE / "plugin"), str(HERE.parent / "engine"), str(HERE.parent)]

from bench import Bench  # noqa: E402
from checkpoint import write  # noqa: E402
from nodes import RedisServer  # noqa: E402

from ocr_celery.engine.vllm.engine import DeepseekEngine, Model  # noqa: E402

for name in [name for name in os.environ if name.startswith("OCR_")]:
    del os.environ[name]
server = RedisServer()
os.environ |= {
    "REDIS_URL": server.url,  # the Celery application is made once a process, on import
    "PYTHONPATH": str(HERE / "plugin"),  # vLLM's processes look for plugins there
    "HF_HUB_OFFLINE": "1",
    "VLLM_CPU_KVCACHE_SPACE": "1",  # GiB
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "VLLM_LOGGING_LEVEL": "ERROR",
}


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("checkpoint"))


@pytest.fixture(scope="session")
def redis() -> Iterator[RedisServer]:
    server.start()
    yield server
    server.stop()


def engine(checkpoint: Path, *, watchdog: float = 30) -> DeepseekEngine:
    """With eight places, not started."""
    model = Model(path=str(checkpoint), places=8, max_tokens=4096, memory=0.5, gpus=1)
    return DeepseekEngine(model, watchdog=watchdog)


@pytest.fixture(scope="session")
def bench(checkpoint: Path) -> Iterator[Bench]:
    """An engine for all tests that leave it alive."""
    bench = Bench(engine(checkpoint))
    yield bench
    bench.engine.stop()
