"""The supervisor and its reaper, with real processes that do next to nothing."""

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from ocr_celery.local.orphan_reaper import OrphanReaper
from ocr_celery.local.supervisor import Program, RestartBackoff, Supervisor

PATIENCE = 20.0  #: seconds for what should take a fraction of one

#: prints its pid, then runs until SIGTERM, and notes its name in a file
LIVES = """
import os, signal, sys, time
def stop(*_):
    with open(sys.argv[2], "a") as notes:
        notes.write(sys.argv[1] + "\\n")
    time.sleep(float(sys.argv[3]) if len(sys.argv) > 3 else 0)
    sys.exit(0)
signal.signal(signal.SIGTERM, stop)
print("pid", os.getpid(), flush=True)
while True:
    time.sleep(60)
"""
#: ignores SIGTERM and SIGQUIT, and has a child
DEAF = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
signal.signal(signal.SIGQUIT, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print("pid", os.getpid(), flush=True)
print("pid", child.pid, flush=True)
while True:
    time.sleep(60)
"""


class Said:
    """The lines printed, each with the name of its program."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []

    def __call__(self, line: str, name: str = "") -> None:
        self.lines.append((name, line))

    def pids(self) -> list[int]:
        return [int(line.split()[1]) for name, line in self.lines if name and line.startswith("pid ")]

    def own(self) -> list[str]:
        return [line for name, line in self.lines if not name]


def python(code: str, *arguments: object) -> tuple[str, ...]:
    return (sys.executable, "-c", code, *map(str, arguments))


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        if Path("/proc/self").exists():
            return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        await asyncio.sleep(0.01)


@asynccontextmanager
async def supervisor(said: Said, *, grace: float = PATIENCE, **backoff: float) -> AsyncIterator[Supervisor]:
    reaper = OrphanReaper(grace=grace)
    it = Supervisor(reaper, said, env={"GIVEN": "yes"}, grace=grace, backoff=RestartBackoff(**backoff))
    try:
        yield it
    finally:
        it.skip_grace()
        await it.stop()
        reaper.dismiss()


async def test_a_program_s_lines_are_printed_with_its_name_and_it_gets_the_environment() -> None:
    said = Said()
    async with supervisor(said) as it:
        code = "import os, sys, time; print(os.environ['GIVEN'], flush=True); sys.stderr.write('10%\\r90%'); sys.stderr.flush()"
        it.supervise(Program(name="one", command=python(code + "; time.sleep(0.1)")))
        await until(lambda: ("one", "yes") in said.lines and ("one", "90%") in said.lines)


async def test_a_program_that_dies_is_started_again_each_time_after_twice_as_long() -> None:
    said = Said()
    async with supervisor(said, initial=0.01, maximum=0.05) as it:
        it.supervise(Program(name="short", command=python("raise SystemExit(3)")))
        await until(lambda: it.deaths.get("short", 0) >= 5)
    pauses = [float(re.findall(r"again in (\S+) s", line)[0]) for line in said.own()][:5]
    assert pauses == [0.01, 0.02, 0.04, 0.05, 0.05]
    assert said.own()[0] == "short died (exit code 3), starting again in 0.01 s"


async def test_a_program_that_ran_long_enough_is_started_again_soon() -> None:
    said = Said()
    async with supervisor(said, initial=0.01, maximum=10, reset_after=0.0) as it:
        it.supervise(Program(name="old", command=python("pass")))
        await until(lambda: it.deaths.get("old", 0) >= 3)
    assert {line for line in said.own() if "died" in line} == {"old died (exit code 0), starting again in 0.01 s"}


async def test_a_signal_that_killed_a_program_is_named_and_its_children_die_with_it() -> None:
    said = Said()
    async with supervisor(said, grace=0.1, initial=60) as it:
        it.supervise(Program(name="deaf", command=python(DEAF)))
        await until(lambda: len(said.pids()) == 2)
        os.kill(said.pids()[0], signal.SIGKILL)
        await until(lambda: it.deaths)
        assert said.own() == ["deaf died (signal SIGKILL), starting again in 60 s"]
        await until(lambda: not any(map(alive, said.pids())))


async def test_the_program_that_is_stopped_last_ends_after_all_others(tmp_path: Path) -> None:
    said, notes = Said(), tmp_path / "notes"
    async with supervisor(said) as it:
        it.supervise(Program(name="redis", command=python(LIVES, "redis", notes), stop_last=True))
        it.supervise(Program(name="worker", command=python(LIVES, "worker", notes, 0.3)))
        await until(lambda: len(said.pids()) == 2)
        await it.stop()
    assert notes.read_text().split() == ["worker", "redis"]
    assert not any(map(alive, said.pids()))


async def test_a_program_that_does_not_stop_is_killed_with_its_children(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "ocr_celery.local.orphan_reaper.ESCALATION", ((signal.SIGQUIT, 0.1), (signal.SIGKILL, PATIENCE))
    )
    said = Said()
    async with supervisor(said, grace=0.1) as it:
        it.supervise(Program(name="deaf", command=python(DEAF)))
        await until(lambda: len(said.pids()) == 2)
        await it.stop()
    await until(lambda: not any(map(alive, said.pids())))
    assert said.own() == [
        "deaf has not stopped yet: its work goes back to the queue",
        "deaf has not stopped yet: killing it",
    ]


async def test_skipping_the_grace_period_sends_the_next_signal_at_once(tmp_path: Path) -> None:
    said = Said()
    async with supervisor(said, grace=600) as it:
        it.supervise(Program(name="slow", command=python(LIVES, "slow", tmp_path / "notes", 600)))
        await until(said.pids)
        stopping = asyncio.create_task(it.stop())
        await until((tmp_path / "notes").exists)
        it.skip_grace()
        await asyncio.wait_for(stopping, PATIENCE)  # SIGQUIT, to which it is not deaf


ORPHANED = """
import asyncio, sys
from ocr_celery.local.orphan_reaper import OrphanReaper
from ocr_celery.local.supervisor import Program, Supervisor
LIVES, DEAF, notes, held = sys.argv[1:]

async def main():
    reaper = OrphanReaper(grace=0.5, keep_open=(int(held),))
    it = Supervisor(reaper, lambda line, name="": print(line, flush=True), env={}, grace=60)
    it.supervise(Program(name="redis", command=(sys.executable, "-c", LIVES, "redis", notes), stop_last=True))
    it.supervise(Program(name="worker", command=(sys.executable, "-c", LIVES, "worker", notes, "0.2")))
    it.supervise(Program(name="deaf", command=(sys.executable, "-c", DEAF)))
    await asyncio.sleep(600)

asyncio.run(main())
"""


async def test_nothing_outlives_a_supervisor_that_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notes = tmp_path / "notes"
    read, held = os.pipe()  # stands for the lock: it must stay held until the reaper is done
    command = python(ORPHANED, LIVES, DEAF, notes, held)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, pass_fds=(held,)) as process:
        os.close(held)
        assert process.stdout
        pids = [int(process.stdout.readline().split()[1]) for _ in range(4)]
        assert all(map(alive, pids))
        process.kill()
        process.wait()
    # the deaf one is asked, told and killed: 0.5 s, then 10 s
    await asyncio.wait_for(asyncio.to_thread(os.read, read, 1), 2 * PATIENCE)
    os.close(read)
    assert not any(map(alive, pids))
    assert notes.read_text().split() == ["worker", "redis"]
