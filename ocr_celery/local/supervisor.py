"""Keeps programs running: restarts those that die, and stops all in order, each with time to finish its work."""

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ocr_celery.local import orphan_reaper
from ocr_celery.local.orphan_reaper import OrphanReaper

_MAX_LINE_BYTES = 65536  #: bytes; a longer line is printed in pieces


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A program that is kept running."""

    name: str
    command: tuple[str, ...]
    log: Path | None = None  #: file for its output; None: printed line by line, with its name
    stop_last: bool = False  #: stopped after all others have ended


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartBackoff:
    """Seconds before a program that died is started again; doubles each time."""

    initial: float = 0.5
    maximum: float = 15.0
    reset_after: float = 60.0  #: a program that ran this long waits for `initial` again


class Supervisor:
    """Runs programs; used from one event loop. `print_line(line, name="")` prints the supervisor's or a program's line.

    `env`: variables added to the environment of each program. `grace`: seconds between SIGTERM and SIGQUIT.
    """

    def __init__(
        self,
        reaper: OrphanReaper,
        print_line: Callable[..., None],
        *,
        env: Mapping[str, str],
        grace: float,
        backoff: RestartBackoff = RestartBackoff(),
    ) -> None:
        self._reaper = reaper
        self._print_line = print_line
        self._env = dict(env)
        self._grace = grace
        self._backoff = backoff
        self._tasks: dict[Program, asyncio.Task[None]] = {}
        self._running: dict[Program, asyncio.subprocess.Process] = {}
        self._stopping = asyncio.Event()
        self._grace_skipped = asyncio.Event()
        self.deaths: dict[str, int] = {}  #: how often the program of this name died

    def supervise(self, program: Program) -> None:
        """Start the program, and start it again whenever it dies."""
        self._tasks[program] = asyncio.create_task(self._restart_loop(program))

    async def stop(self) -> None:
        """Stop all: SIGTERM to finish, after `grace` seconds SIGQUIT to give work back, then SIGKILL; `stop_last` ones last."""
        self._stopping.set()
        for last in (False, True):
            await self._stop_programs(
                {program: task for program, task in self._tasks.items() if program.stop_last == last}
            )

    def skip_grace(self) -> None:
        """While `stop` waits: send the next signal at once."""
        self._grace_skipped.set()

    # -- running -------------------------------------------------------------------------------------------------------

    async def _restart_loop(self, program: Program) -> None:
        pause = self._backoff.initial
        while not self._stopping.is_set():
            started = time.monotonic()
            end = await self._run_once(program)
            if self._stopping.is_set():
                return
            self.deaths[program.name] = self.deaths.get(program.name, 0) + 1
            if time.monotonic() - started >= self._backoff.reset_after:
                pause = self._backoff.initial
            self._print_line(f"{program.name} died ({end}), starting again in {pause:g} s")
            await _wait_at_most(self._stopping.wait(), pause)
            pause = min(2 * pause, self._backoff.maximum)

    async def _run_once(self, program: Program) -> str:
        """Run the program once; returns how it ended."""
        log = open(program.log, "ab") if program.log else None  # noqa: SIM115 (closed right below)
        try:
            process = await asyncio.create_subprocess_exec(
                *self._reaper.registered_command(program.command, last=program.stop_last),
                env={**os.environ, **self._env},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log or asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                pass_fds=(self._reaper.descriptor,),
                start_new_session=True,  # Ctrl-C reaches the supervisor only; the group can be killed as one
            )
        finally:
            if log:
                log.close()
        self._running[program] = process
        forwarding = asyncio.create_task(self._forward_output(process.stdout, program.name))
        if self._stopping.is_set():
            orphan_reaper.signal_process(process.pid, signal.SIGTERM)
        while (code := process.returncode) is None:  # some Pythons' wait() also waits for other holders of the pipe
            await _wait_at_most(process.wait(), 0.2)
        orphan_reaper.signal_group(process.pid, signal.SIGKILL)  # children left behind could keep the port or the GPU
        self._reaper.unregister(process.pid)
        del self._running[program]
        await _wait_at_most(forwarding, 1.0)
        return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"

    async def _forward_output(self, output: asyncio.StreamReader | None, name: str) -> None:
        rest = b""
        while output and (piece := await output.read(_MAX_LINE_BYTES)):
            *lines, rest = (rest + piece).split(b"\n")
            if len(rest) > _MAX_LINE_BYTES:
                lines, rest = [*lines, rest], b""
            for line in lines:
                self._forward_line(line, name)
        if rest:
            self._forward_line(rest, name)

    def _forward_line(self, line: bytes, name: str) -> None:
        # a progress bar rewrites its line: print its last state
        self._print_line(line.decode(errors="replace").rstrip("\r").rpartition("\r")[2], name)

    # -- stopping ------------------------------------------------------------------------------------------------------

    async def _stop_programs(self, tasks: Mapping[Program, "asyncio.Task[None]"]) -> None:
        for number, seconds in ((signal.SIGTERM, self._grace), *orphan_reaper.ESCALATION):
            left = [program for program, task in tasks.items() if not task.done()]
            if not left:
                break
            if number != signal.SIGTERM:
                names = " and ".join(program.name for program in left)
                has, it, its = ("has", "it", "its") if len(left) == 1 else ("have", "them", "their")
                how = f"killing {it}" if number == signal.SIGKILL else f"{its} work goes back to the queue"
                self._print_line(f"{names} {has} not stopped yet: {how}")
            self._signal(left, number)
            await self._wait_until_stopped([tasks[program] for program in left], seconds)
        await asyncio.gather(*tasks.values())

    def _signal(self, programs: Sequence[Program], number: int) -> None:
        for program in programs:
            process = self._running.get(program)
            if process and process.returncode is None:
                orphan_reaper.signal_process(process.pid, number)

    async def _wait_until_stopped(self, tasks: Sequence["asyncio.Task[None]"], seconds: float) -> None:
        self._grace_skipped.clear()
        skipped = asyncio.create_task(self._grace_skipped.wait())
        all_stopped = asyncio.create_task(_wait_for_all(tasks))
        await asyncio.wait({all_stopped, skipped}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        skipped.cancel()
        all_stopped.cancel()


async def _wait_for_all(tasks: Sequence["asyncio.Task[None]"]) -> None:
    await asyncio.wait(tasks)


async def _wait_at_most(awaitable: Awaitable[object], seconds: float) -> None:
    """Wait for it, at most this many seconds."""
    with suppress(TimeoutError):
        await asyncio.wait_for(awaitable, seconds)
