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

ENV_TAG = "_OCR_CELERY_PROCESS_TAG"  #: not OCR_…, which would be taken for a setting
_MAX_TMP_PATH = 50  #: characters of a path to which those of a folder and a socket in it are added
_POLL_INTERVAL = 0.05  #: seconds between two looks for what is left
_KILL_TIMEOUT = 10.0  #: seconds to look for; the dead of the kernel's own waits (a GPU that hangs) cannot be killed


class ProcessReaper:
    """The keeper process, seen from the worker."""

    def __init__(self) -> None:
        self.tag = uuid4().hex
        # the name of a socket in it may have 107 characters
        parent = "/tmp" if len(tempfile.gettempdir()) > _MAX_TMP_PATH else None
        self.temp_dir = tempfile.mkdtemp(prefix="ocr-", dir=parent)  #: for what they make, removed after them
        self._process = subprocess.Popen(
            [sys.executable, "-IS", __file__, self.tag, self.temp_dir],
            stdin=subprocess.PIPE,
            start_new_session=True,  # who kills the worker's process group shall not kill the keeper
        )

    @contextmanager
    def tag_children(self) -> Iterator[None]:
        """Every process started inside, and every descendant of one, is on the leash."""
        os.environ[ENV_TAG] = self.tag
        os.environ["SPT_NOENV"] = "1"  # setproctitle, which vLLM uses, would write its title over the environment
        try:
            yield
        finally:
            del os.environ[ENV_TAG]

    def kill_tagged(self) -> None:
        """Kill what is on the leash; returns when it is gone."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def tagged_pids(tag: str) -> list[int]:
    """The ids of the living processes with this tag.

    Python's tracker of shared memory is left out: it ends by itself when the last user is gone, and cleans up first.
    """
    entry, found = f"{ENV_TAG}={tag}".encode(), []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # gone, or another user's
            if (
                entry in (process / "environ").read_bytes().split(b"\0")
                and b"resource_tracker" not in (process / "cmdline").read_bytes()
            ):
                found.append(int(process.name))
    return found


def _kill_all(tag: str) -> None:
    """Until none is seen twice running: one may have been starting another."""
    deadline, clear_polls = time.monotonic() + _KILL_TIMEOUT, 0
    while clear_polls < 2 and time.monotonic() < deadline:
        pids = tagged_pids(tag)
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        clear_polls = 0 if pids else clear_polls + 1
        time.sleep(_POLL_INTERVAL)


def main() -> None:
    """Wait until the worker is gone, or wants its processes gone."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)
    sys.stdin.read()
    tag, temp_dir = sys.argv[1:]
    _kill_all(tag)
    shutil.rmtree(temp_dir, ignore_errors=True)


if __name__ == "__main__":
    main()
