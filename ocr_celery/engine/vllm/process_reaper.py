"""The processes an engine starts end with their worker, however it dies: a keeper ends them when the worker is gone.

The keeper's standard input is a pipe that only the worker holds, so it ends when the worker does. What to kill it finds
by a mark in the environment that a process has from its first instruction and that its children inherit; ids that the
worker told would miss grandchildren, and a process that was starting just then. Linux's "parent death signal" reaches no
grandchildren either. What the processes leave in their folder, such as sockets, goes with them. Standard library only, so
that the keeper starts fast; needs /proc, as vLLM does.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

MARK = "_OCR_CELERY_LEASH"  #: not OCR_…, which would be taken for a setting
_LONGEST = 50  #: characters of a path to which those of a folder and a socket in it are added
_AGAIN = 0.05  #: seconds between two looks for what is left
_PATIENCE = 10.0  #: seconds to look for; the dead of the kernel's own waits (a GPU that hangs) cannot be killed


class Leash:
    """The keeper process, seen from the worker."""

    def __init__(self) -> None:
        self.mark = uuid4().hex
        # the name of a socket in it may have 107 characters
        room = "/tmp" if len(tempfile.gettempdir()) > _LONGEST else None
        self.folder = tempfile.mkdtemp(prefix="ocr-", dir=room)  #: for what they make, removed after them
        self._process = subprocess.Popen(
            [sys.executable, "-IS", __file__, self.mark, self.folder],
            stdin=subprocess.PIPE,
            start_new_session=True,  # who kills the worker's process group shall not kill the keeper
        )

    @contextmanager
    def held(self) -> Iterator[None]:
        """Every process started inside, and every descendant of one, is on the leash."""
        os.environ[MARK] = self.mark
        os.environ["SPT_NOENV"] = "1"  # setproctitle, which vLLM uses, would write its title over the environment
        try:
            yield
        finally:
            del os.environ[MARK]

    def pull(self) -> None:
        """Kill what is on the leash; returns when it is gone."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def held_by(mark: str) -> list[int]:
    """The ids of the living processes with this mark.

    Python's tracker of shared memory is left out: it ends by itself when the last user is gone, and cleans up first.
    """
    wanted, found = f"{MARK}={mark}".encode(), []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # gone, or another user's
            if (
                wanted in (process / "environ").read_bytes().split(b"\0")
                and b"resource_tracker" not in (process / "cmdline").read_bytes()
            ):
                found.append(int(process.name))
    return found


def _kill(mark: str) -> None:
    """Until none is seen twice running: one may have been starting another."""
    end, clear = time.monotonic() + _PATIENCE, 0
    while clear < 2 and time.monotonic() < end:
        pids = held_by(mark)
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        clear = 0 if pids else clear + 1
        time.sleep(_AGAIN)


def main() -> None:
    """Wait until the worker is gone, or wants its processes gone."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)
    sys.stdin.read()
    mark, folder = sys.argv[1:]
    _kill(mark)
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
