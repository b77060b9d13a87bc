"""The generated checkpoint and the real vLLM engine. These tests run in a virtual environment of their own: `make test-vllm`."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.testlib.engine_probe import EngineProbe
from tests.testlib.processes import RedisServer
from tests.testlib.vllm.checkpoint import write
from tests.testlib.vllm.environment import engine, server


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("checkpoint"))


@pytest.fixture(scope="session")
def redis() -> Iterator[RedisServer]:
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def probe(checkpoint: Path) -> Iterator[EngineProbe]:
    """An engine for all tests that leave it alive."""
    probe = EngineProbe(engine(checkpoint))
    yield probe
    probe.engine.stop()
