"""vLLM keeps the promises of engines."""

import os
import signal
from pathlib import Path
from typing import ClassVar

import pytest

from ocr_celery.engine.contract import Engine, EngineRequest
from tests.testlib.engine_contract import EngineContract, new_id
from tests.testlib.engine_probe import EngineProbe
from tests.testlib.vllm.environment import engine
from tests.testlib.vllm.pages import LAYOUT, NO_GUARD, ROUND, SENTENCE, page
from tests.testlib.vllm.processes import engine_pids, named


class TestVllm(EngineContract):
    bad_code = "prompt_too_long"
    checkpoint: ClassVar[Path]

    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def _checkpoint(cls, checkpoint: Path) -> None:
        cls.checkpoint = checkpoint

    @pytest.fixture(scope="class")
    @classmethod
    def probe(cls, probe: EngineProbe) -> EngineProbe:
        """The one that all tests share: loading takes long."""
        return probe

    def engine(self) -> Engine:
        return engine(self.checkpoint)

    def short(self, id: str) -> EngineRequest:
        return page(id, SENTENCE)

    def long(self, id: str) -> EngineRequest:
        return page(id, LAYOUT, 1300, 900)

    def bad(self, id: str) -> EngineRequest:
        return page(id, "x" * 5000)

    def numbered(self, id: str, number: int) -> EngineRequest:
        return page(id, ROUND, max_tokens=3 * number)

    def two_ways(self) -> tuple[EngineRequest, EngineRequest]:
        return page(new_id(), ROUND, max_tokens=80), page(new_id(), ROUND, max_tokens=80, **NO_GUARD)

    def kill(self, probe: EngineProbe) -> None:
        os.kill(named("EngineCore", engine_pids(probe.engine)), signal.SIGKILL)

    def leftovers(self, probe: EngineProbe) -> list[str]:
        threads = [thread.name for thread in probe.threads if thread.is_alive() and thread.name == "vllm-engine"]
        return threads + [str(process) for process in engine_pids(probe.engine)]
