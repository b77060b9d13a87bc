"""Keeps processes running and stops them in order: what dies is started again, what is asked to stop may finish."""

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ocr_celery.local import process_guard
from ocr_celery.local.process_guard import Guard

_PIECE = 65536  #: bytes; a line longer than this is shown in pieces


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A process to be kept running."""

    name: str
    command: tuple[str, ...]
    log: Path | None = None  #: where its output goes; None = to ours, line by line with its name in front
    last: bool = False  #: stopped when all others are gone


@dataclass(frozen=True, slots=True, kw_only=True)
class Pauses:
    """How long to wait before a program that died is started again; doubles each time. Seconds."""

    first: float = 0.5
    longest: float = 15.0
    settled: float = 60.0  #: a program that lived this long starts from `first` again


class Supervisor:
    """Runs in one event loop. `say(line, name="")` shows a line."""

    def __init__(
        self,
        guard: Guard,
        say: Callable[..., None],
        *,
        env: Mapping[str, str],
        grace: float,
        pauses: Pauses = Pauses(),
    ) -> None:
        self._guard, self._say, self._env, self._grace, self._pauses = guard, say, dict(env), grace, pauses
        self._kept: dict[Program, asyncio.Task[None]] = {}
        self._running: dict[Program, asyncio.subprocess.Process] = {}
        self._stopping = asyncio.Event()
        self._hurried = asyncio.Event()
        self.deaths: dict[str, int] = {}  #: how often the program of this name died

    def keep(self, program: Program) -> None:
        """Start the program, and start it again whenever it dies."""
        self._kept[program] = asyncio.create_task(self._keep(program))

    async def stop(self) -> None:
        """Stop all: asked to finish within `grace` seconds, then to give work back, then killed. The last ones last."""
        self._stopping.set()
        for last in (False, True):
            await self._end({program: task for program, task in self._kept.items() if program.last == last})

    def hurry(self) -> None:
        """Wait no longer for what is being stopped."""
        self._hurried.set()

    # -- keeping -------------------------------------------------------------------------------------------------------

    async def _keep(self, program: Program) -> None:
        pause = self._pauses.first
        while not self._stopping.is_set():
            started = time.monotonic()
            end = await self._run(program)
            if self._stopping.is_set():
                return
            self.deaths[program.name] = self.deaths.get(program.name, 0) + 1
            if time.monotonic() - started >= self._pauses.settled:
                pause = self._pauses.first
            self._say(f"{program.name} died ({end}), starting again in {pause:g} s")
            await _either(self._stopping.wait(), pause)
            pause = min(2 * pause, self._pauses.longest)

    async def _run(self, program: Program) -> str:
        """From start to end; answers how it ended."""
        log = open(program.log, "ab") if program.log else None  # noqa: SIM115 (closed right below)
        try:
            process = await asyncio.create_subprocess_exec(
                *self._guard.enlisting(program.command, last=program.last),
                env={**os.environ, **self._env},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log or asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                pass_fds=(self._guard.descriptor,),
                start_new_session=True,  # the terminal's Ctrl-C is for us alone, and its group can be killed as one
            )
        finally:
            if log:
                log.close()
        self._running[program] = process
        shown = asyncio.create_task(self._show(process.stdout, program.name))
        if self._stopping.is_set():
            process_guard.end(process.pid, signal.SIGTERM)
        while (code := process.returncode) is None:  # some Pythons' wait() also waits for whoever else holds the pipe
            await _either(process.wait(), 0.2)
        process_guard.end_group(process.pid, signal.SIGKILL)  # what it left behind may hold the port or the GPU
        self._guard.forget(process.pid)
        del self._running[program]
        await _either(shown, 1.0)
        return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"

    async def _show(self, output: asyncio.StreamReader | None, name: str) -> None:
        rest = b""
        while output and (piece := await output.read(_PIECE)):
            *lines, rest = (rest + piece).split(b"\n")
            if len(rest) > _PIECE:
                lines, rest = [*lines, rest], b""
            for line in lines:
                self._line(line, name)
        if rest:
            self._line(rest, name)

    def _line(self, line: bytes, name: str) -> None:
        # a progress bar rewrites its line: its last state is what counts
        self._say(line.decode(errors="replace").rstrip("\r").rpartition("\r")[2], name)

    # -- stopping ------------------------------------------------------------------------------------------------------

    async def _end(self, kept: Mapping[Program, "asyncio.Task[None]"]) -> None:
        for number, patience in ((signal.SIGTERM, self._grace), *process_guard.THEN):
            left = [program for program, task in kept.items() if not task.done()]
            if not left:
                break
            if number != signal.SIGTERM:
                names = " and ".join(program.name for program in left)
                has, it, its = ("has", "it", "its") if len(left) == 1 else ("have", "them", "their")
                how = f"killing {it}" if number == signal.SIGKILL else f"{its} work goes back to the queue"
                self._say(f"{names} {has} not stopped yet: {how}")
            self._signal(left, number)
            await self._gone([kept[program] for program in left], patience)
        await asyncio.gather(*kept.values())

    def _signal(self, programs: Sequence[Program], number: int) -> None:
        for program in programs:
            process = self._running.get(program)
            if process and process.returncode is None:
                process_guard.end(process.pid, number)

    async def _gone(self, tasks: Sequence["asyncio.Task[None]"], patience: float) -> None:
        self._hurried.clear()
        hurried = asyncio.create_task(self._hurried.wait())
        everyone = asyncio.create_task(_all(tasks))
        await asyncio.wait({everyone, hurried}, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
        hurried.cancel()
        everyone.cancel()


async def _all(tasks: Sequence["asyncio.Task[None]"]) -> None:
    await asyncio.wait(tasks)


async def _either(awaitable: Awaitable[object], seconds: float) -> None:
    """Wait for it, but no longer than that."""
    with suppress(TimeoutError):
        await asyncio.wait_for(awaitable, seconds)
