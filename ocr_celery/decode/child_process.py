"""One child, seen from the worker: started fresh (never forked), asked for one page at a time, killed when it must be.

The child is in the worker's session but in a process group of its own: a terminal's Ctrl-C is for the worker. Its
environment holds nothing of the worker's but where libraries lie.
"""

import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from fcntl import fcntl
from pathlib import Path

from PIL import Image

from ocr_celery.core.page import Page
from ocr_celery.decode import protocol
from ocr_celery.decode.protocol import BadAnswer, OutOfMemoryAnswer, RefusalAnswer, Request
from ocr_celery.errors import OcrError

#: Seconds to wait until it wants to be asked again; raises what is to end the waiting.
Watch = Callable[[], float]

_PACKAGE_DIR = str(Path(__file__).parents[2])  #: where this package lies; `-I` looks in no such folder by itself
_START = (
    "import sys; sys.path[:0] = [] if sys.argv[1] in sys.path else [sys.argv[1]];"
    " from ocr_celery.decode.child import main; main()"
)
_INHERITED_VARIABLES = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT")
_ONE_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OPJ_NUM_THREADS", "MALLOC_ARENA_MAX")
_F_SETPIPE_SZ = 1031  #: of Linux
_PIPE_BYTES = 1 << 20  #: bytes in a pipe; in a small one each page would take hundreds of turns


class ChildDied(Exception):
    """It ended, or stopped, before it had answered."""


class Child:
    """A process that decodes. Not for several threads at once, but for `kill`; the thread that makes one must outlive it.

    (Linux lets the death of that thread, not of the worker, kill the child.)
    """

    def __init__(self, address_space: int) -> None:
        """`address_space`: bytes it may ever have. Raises OSError."""
        environment = {name: os.environ[name] for name in _INHERITED_VARIABLES if name in os.environ}
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-c", _START, _PACKAGE_DIR, str(os.getpid()), str(address_space)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**environment, **dict.fromkeys(_ONE_THREAD_VARIABLES, "1")},
            cwd="/",
            process_group=0,
            bufsize=0,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._to, self._from = self._process.stdin.fileno(), self._process.stdout.fileno()
        for pipe in (self._to, self._from):
            os.set_blocking(pipe, False)
            with suppress(OSError):  # another system, or its bound for all pipes of a user is reached
                fcntl(pipe, _F_SETPIPE_SZ, _PIPE_BYTES)
        self.pages = 0  #: that it has been asked for

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def wait_ready(self, watch: Watch) -> None:
        """Wait until its decoders are imported. Raises `ChildDied` and what `watch` raises."""
        if self._read(len(protocol.READY), watch) != protocol.READY:
            raise ChildDied("it did not start")

    def decode(self, asked: Request, data: bytes, watch: Watch) -> Page | OcrError | None:
        """The page in these bytes, or why there is none; None where the memory allowed does not suffice.

        Raises `ChildDied`, `BadAnswer`, and what `watch` raises; the child is of no more use then.
        """
        self.pages += 1
        self._write(asked.pack(), watch)
        self._write(data, watch)
        found = protocol.parse_answer(bytes(self._read(protocol.ANSWER.size, watch)), asked)
        if isinstance(found, OutOfMemoryAnswer):
            return None
        body = self._read(found.length, watch)
        if isinstance(found, RefusalAnswer):
            return found.error(bytes(body))
        image = Image.frombuffer("RGB", (found.image_width, found.image_height), body, "raw", "RGB", 0, 1)
        return Page(image=image, width=found.width, height=found.height, pages=found.pages)

    def is_stopped(self) -> bool:
        """Whether somebody has stopped it (SIGSTOP): what does not run is not slow."""
        return self._stat()[:1] in (["T"], ["t"])

    def cpu_seconds(self) -> float | None:
        """That it has used; None where the system does not say."""
        stat = self._stat()
        return (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK") if len(stat) > 12 else None

    def _stat(self) -> list[str]:
        """What proc(5) lists from the process's state on."""
        with suppress(OSError):
            return Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return []

    def kill(self) -> None:
        """End it, at once. From any thread."""
        with suppress(OSError):
            self._process.send_signal(signal.SIGKILL)

    def kill_and_wait(self) -> None:
        """Kill it and wait until it is gone."""
        self.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        with suppress(subprocess.TimeoutExpired):  # one in the kernel's own waits ends later, and is reaped then
            self._process.wait(_REAP_SECONDS)

    def _write(self, data: bytes, watch: Watch) -> None:
        view = memoryview(data)
        while view:
            _wait(self._to, select.POLLOUT, watch)
            with suppress(BlockingIOError):
                try:
                    view = view[os.write(self._to, view) :]
                except BrokenPipeError:
                    raise self._died() from None

    def _read(self, length: int, watch: Watch) -> bytearray:
        data = bytearray(length)
        view = memoryview(data)
        while view:
            _wait(self._from, select.POLLIN, watch)
            with suppress(BlockingIOError):
                count = os.readv(self._from, [view])
                if not count:
                    raise self._died()
                view = view[count:]
        return data

    def _died(self) -> ChildDied:
        self.kill_and_wait()
        return ChildDied(f"exit status {self._process.returncode}")


_REAP_SECONDS = 5.0  #: seconds


def _wait(pipe: int, event: int, watch: Watch) -> None:
    poll = select.poll()
    poll.register(pipe, event)
    while not poll.poll(0):
        seconds = watch()
        if poll.poll(1000 * max(0.0, seconds)):
            return


__all__ = ["BadAnswer", "Child", "ChildDied", "Watch"]
