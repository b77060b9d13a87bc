"""A process that stops all programs of `make run` if `make run` itself is killed.

The reaper reads a pipe. Each program writes its process id into it before it starts (see `registered_command`), and the
pipe ends when the supervisor is gone. Linux's "parent death signal" would be simpler, but a pipe works on every system,
reaches whole process groups, and keeps the order (Redis last). Standard library only, so that it starts fast.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

#: the signals that follow SIGTERM, each with the seconds that a process then has to end (after SIGTERM: the grace period)
ESCALATION = ((signal.SIGQUIT, 10.0), (signal.SIGKILL, 5.0))

_REGISTER = """
import os, sys
line = f"+{os.getpid()} {sys.argv[2]}\\n".encode()
try:
    os.write(int(sys.argv[1]), line)
except OSError:
    pass
os.close(int(sys.argv[1]))
os.execvp(sys.argv[3], sys.argv[3:])
"""


class OrphanReaper:
    """The reaper process, seen from the supervisor.

    `grace`: seconds between SIGTERM and SIGQUIT. `keep_open`: descriptors that the reaper keeps open until it ends.
    """

    def __init__(self, *, grace: float, keep_open: Iterable[int] = ()) -> None:
        read, self._write = os.pipe()
        self._process = subprocess.Popen(
            [sys.executable, "-IS", __file__, str(grace)],
            stdin=read,
            pass_fds=tuple(keep_open),
            start_new_session=True,
        )
        os.close(read)

    @property
    def descriptor(self) -> int:
        """The pipe's descriptor, which a program that registers itself must inherit."""
        return self._write

    def registered_command(self, command: Iterable[str], *, last: bool) -> list[str]:
        """The command, changed so that its process registers with the reaper before it starts. `last`: stopped last."""
        order = "last" if last else "first"
        return [sys.executable, "-IS", "-c", _REGISTER, str(self._write), order, *command]

    def unregister(self, pid: int) -> None:
        """Tell the reaper that the process and its group are gone."""
        with suppress(OSError):  # the reaper may have been killed itself; the programs go on
            os.write(self._write, f"-{pid}\n".encode())

    def dismiss(self) -> None:
        """End the reaper and wait for it; all programs have stopped."""
        os.close(self._write)
        self._process.wait()


def signal_group(pid: int, number: int) -> None:
    """Signal the process and everything that it started."""
    with suppress(ProcessLookupError, PermissionError):  # macOS raises the latter for a group of zombies
        os.killpg(pid, number)


def signal_process(pid: int, number: int) -> None:
    """Signal a process; SIGKILL goes to its group, since a killed process cannot stop its children."""
    if number == signal.SIGKILL:
        signal_group(pid, number)
    else:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def _is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        # where process 1 is a container's own program, which reaps no children, the dead stay as zombies
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except ProcessLookupError:
        return True
    except (OSError, IndexError):
        return False


def _stop_processes(pids: set[int], grace: float) -> None:
    for number, seconds in ((signal.SIGTERM, grace), *ESCALATION):
        for pid in pids:
            signal_process(pid, number)
        deadline = time.monotonic() + seconds
        while not all(map(_is_gone, pids)) and time.monotonic() < deadline:
            time.sleep(0.05)
        pids = {pid for pid in pids if not _is_gone(pid)}


def main() -> None:
    """Keep track of the registered programs; when the supervisor is gone, stop those that are left, Redis last."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    first: set[int] = set()
    last: set[int] = set()
    for line in sys.stdin:
        pid, _, order = line[1:].strip().partition(" ")
        if line.startswith("+"):
            (last if order == "last" else first).add(int(pid))
        else:
            first.discard(int(pid))
            last.discard(int(pid))
    for pids in (first, last):
        started = set(pids)
        _stop_processes(pids, float(sys.argv[1]))
        for pid in started:
            signal_group(pid, signal.SIGKILL)


if __name__ == "__main__":
    main()
