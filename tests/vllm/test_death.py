"""The death and the hang of vLLM's processes are noticed, and no process outlives the one that started it."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
import pytest

from tests.testlib.engine_contract import new_id
from tests.testlib.engine_probe import EngineProbe, until
from tests.testlib.processes import ROOT
from tests.testlib.vllm.environment import engine
from tests.testlib.vllm.pages import NO_GUARD, ROUND, SENTENCE, page
from tests.testlib.vllm.processes import engine_pids, family, named


@pytest.fixture
def start(checkpoint: Path) -> Iterator[Callable[[float], EngineProbe]]:
    started: list[EngineProbe] = []

    def begin(watchdog: float) -> EngineProbe:
        started.append(EngineProbe(engine(checkpoint, watchdog=watchdog)))
        return started[-1]

    yield begin
    for probe in started:
        probe.engine.stop()


def test_a_hung_engine_is_broken_after_the_watchdogs_time_and_a_slow_one_is_not(
    start: Callable[[float], EngineProbe],
) -> None:
    probe = start(20)
    core = named("EngineCore", engine_pids(probe.engine))
    endless = page(new_id(), ROUND, max_tokens=3000, **NO_GUARD)
    probe.engine.enter([endless])
    probe.read(page(new_id(), SENTENCE))
    for _ in range(3):  # slow: it stands still for longer than that altogether, but never at once
        os.kill(core, signal.SIGSTOP)
        with pytest.raises(AssertionError):
            until(lambda: probe.failures, timeout=8)
        os.kill(core, signal.SIGCONT)
        probe.read(page(new_id(), SENTENCE))
    os.kill(core, signal.SIGSTOP)
    until(lambda: probe.failures, timeout=60, what="the watchdog notices")
    assert not probe.engine.alive()
    probe.engine.stop()
    assert engine_pids(probe.engine) == []
    assert len(probe.failures) == 1
    assert endless.id not in probe.order


def test_death_of_the_process_that_computes_is_noticed_without_a_page_inside(
    start: Callable[[float], EngineProbe],
) -> None:
    probe = start(30)
    os.kill(named("Worker", engine_pids(probe.engine)), signal.SIGKILL)
    until(lambda: probe.failures, timeout=20, what="the failure is reported")
    assert not probe.engine.alive()


HOLDER = """
import sys, time
sys.path[:0] = sys.argv[2:]
from pathlib import Path
from tests.testlib.vllm.environment import engine

def main():
    engine(Path(sys.argv[1])).start(print, print)
    print("warm", flush=True)
    time.sleep(600)

if __name__ == "__main__":
    main()
"""


@pytest.mark.parametrize("moment", ["while it loads", "when it is warm"])
def test_no_process_outlives_a_killed_holder(checkpoint: Path, tmp_path: Path, moment: str) -> None:
    script = tmp_path / "holder.py"
    script.write_text(HOLDER)
    command = [sys.executable, str(script), str(checkpoint), str(ROOT)]
    with (
        TemporaryDirectory() as tmp,  # the path of a socket may not be as long as that of tmp_path
        subprocess.Popen(
            command, stdout=subprocess.PIPE, start_new_session=True, env={**os.environ, "TMPDIR": tmp}
        ) as holder,
    ):
        if moment == "when it is warm":
            assert holder.stdout is not None
            until(lambda: b"warm" in holder.stdout.readline(), what="it is warm")
            assert any(file.is_socket() for file in Path(tmp).rglob("*"))
        else:
            until(lambda: len(family(holder.pid)) >= 4, timeout=60, what="vLLM has started a process")
        everyone = family(holder.pid)
        os.kill(holder.pid, signal.SIGKILL)
        _, alive = psutil.wait_procs(everyone[:-1], timeout=30)
        assert alive == []
        until(lambda: not any(file.is_socket() for file in Path(tmp).rglob("*")), what="no socket is left")


def test_a_model_that_cannot_be_loaded_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    broken = engine(tmp_path)
    with pytest.raises(Exception, match=r"."):
        broken.start(print, print)
    assert engine_pids(broken) == []
    assert not broken.alive()
