"""Kills an engine's processes when their worker is gone, however it died, by a separate reaper process.

The reaper's standard input is a pipe whose other end only the worker has open, so it is closed when
the worker dies. The reaper finds the processes by a tag in their environment, which a process has from
its first instruction and its children inherit. A list of process ids would miss grandchildren and
processes that are just starting; Linux's "parent death signal" does not reach grandchildren either.
The reaper also removes the folder of their sockets. It uses only the standard library, to start fast,
and needs /proc, as vLLM does.
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

ENV_TAG = "_OCR_CELERY_PROCESS_TAG"  #: not OCR_…, which would be an unknown setting
_MAX_TMP_PATH = 50  #: characters of the path of the folder for temporary files
_POLL_INTERVAL = 0.05  #: seconds between two searches for tagged processes
_KILL_TIMEOUT = 10.0  #: seconds; processes in uninterruptible sleep (a hung GPU) cannot be killed


class ProcessReaper:
    """Starts the reaper process and tags the processes that it is to kill."""

    def __init__(self) -> None:
        self.tag = uuid4().hex
        # the path of a socket in it may have 107 characters
        parent = "/tmp" if len(tempfile.gettempdir()) > _MAX_TMP_PATH else None
        self.temp_dir = tempfile.mkdtemp(prefix="ocr-", dir=parent)  #: for their sockets; removed after them
        self._process = subprocess.Popen(
            [sys.executable, "-IS", __file__, self.tag, self.temp_dir],
            stdin=subprocess.PIPE,
            start_new_session=True,  # a kill of the worker's process group must not reach the reaper
        )

    @contextmanager
    def tag_children(self) -> Iterator[None]:
        """Tag every process that is started in this context, and its descendants."""
        os.environ[ENV_TAG] = self.tag
        os.environ["SPT_NOENV"] = "1"  # else setproctitle, which vLLM uses, overwrites the environment
        try:
            yield
        finally:
            del os.environ[ENV_TAG]

    def kill_tagged(self) -> None:
        """Kill the tagged processes and return when they are gone."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def tagged_pids(tag: str) -> list[int]:
    """The ids of the running processes with this tag.

    Python's resource tracker is left out: it cleans up and ends by itself after its last user.
    """
    entry, found = f"{ENV_TAG}={tag}".encode(), []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # ended meanwhile, or another user's
            if (
                entry in (process / "environ").read_bytes().split(b"\0")
                and b"resource_tracker" not in (process / "cmdline").read_bytes()
            ):
                found.append(int(process.name))
    return found


def _kill_all(tag: str) -> None:
    """Kill until two searches in a row find none, as a process may have been starting another."""
    deadline, clear_polls = time.monotonic() + _KILL_TIMEOUT, 0
    while clear_polls < 2 and time.monotonic() < deadline:
        pids = tagged_pids(tag)
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        clear_polls = 0 if pids else clear_polls + 1
        time.sleep(_POLL_INTERVAL)


def main() -> None:
    """Wait until the worker closes the pipe or dies; then kill the tagged processes."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)
    sys.stdin.read()
    tag, temp_dir = sys.argv[1:]
    _kill_all(tag)
    shutil.rmtree(temp_dir, ignore_errors=True)


if __name__ == "__main__":
    main()
