"""No process outlives `make run`, even if that is killed outright: a guard stops what it leaves behind.

The guard's standard input is a pipe that every started process writes its own id to before it becomes what it shall
be (see `registered_command`), and that ends when the supervisor is gone. A pipe rather than Linux's "parent death signal": it
works on every system, reaches whole process groups, and keeps the order (Redis last). Standard library only, so that
it starts fast.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

#: what a process is sent to make it stop, and for how many seconds it is waited for after (the grace for the first)
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


class ProcessGuard:
    """The guard process, seen from the supervisor. `keep_open`: descriptors it keeps open for as long as it lives."""

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
        """Must be passed on to a process that registers itself."""
        return self._write

    def registered_command(self, command: Iterable[str], *, last: bool) -> list[str]:
        """The command so that its process, before anything else, tells the guard of itself."""
        order = "last" if last else "first"
        return [sys.executable, "-IS", "-c", _REGISTER, str(self._write), order, *command]

    def unregister(self, pid: int) -> None:
        """The process is gone, and its group with it."""
        with suppress(OSError):  # a guard that was killed itself guards nothing; all else goes on
            os.write(self._write, f"-{pid}\n".encode())

    def dismiss(self) -> None:
        """Nothing is left to guard."""
        os.close(self._write)
        self._process.wait()


def signal_group(pid: int, number: int) -> None:
    """Signal the process and whatever it started."""
    with suppress(ProcessLookupError, PermissionError):  # macOS says the latter of a group of zombies
        os.killpg(pid, number)


def signal_process(pid: int, number: int) -> None:
    """Signal a process; killing takes its children along, which it could not tell any more."""
    if number == signal.SIGKILL:
        signal_group(pid, number)
    else:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def _is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        # the dead stay as zombies where process 1 is a container's own program, which buries nobody
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
    """Note who comes and goes; when the supervisor is gone, stop who is left."""
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
        everyone = set(pids)
        _stop_processes(pids, float(sys.argv[1]))
        for pid in everyone:
            signal_group(pid, signal.SIGKILL)


if __name__ == "__main__":
    main()
