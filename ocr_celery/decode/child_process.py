"""The worker's handle of one child process: started without fork, decodes one page at a time, can be killed.

The child is in a separate process group of the worker's session, so that Ctrl-C in a terminal reaches only the worker.
"""

import os
import select
import signal
import subprocess
from collections.abc import Callable
from contextlib import suppress
from fcntl import fcntl
from pathlib import Path

from PIL import Image

from ocr_celery.core.document_info import DocumentInfo
from ocr_celery.core.page import Page
from ocr_celery.decode import protocol, python_child
from ocr_celery.decode.protocol import BadAnswer, OutOfMemoryAnswer, PageAnswer, RefusalAnswer, Request
from ocr_celery.errors import OcrError

#: called while waiting; returns the seconds until its next call, or raises an exception that ends the waiting
TimeCheck = Callable[[], float]

_START = python_child.start_code("ocr_celery.decode.child")
_ONE_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OPJ_NUM_THREADS", "MALLOC_ARENA_MAX")
_F_SETPIPE_SZ = 1031  #: of Linux
_PIPE_BYTES = (
    1 << 20
)  #: capacity of a pipe; with a small one each page takes hundreds of switches between the processes


class ChildDied(Exception):
    """The child ended or was stopped before its answer."""


class Child:
    """A decoding process, for one thread at a time; only `kill` may be called from any thread.

    The thread that creates it must outlive it: on Linux the end of that thread, not of the worker, kills the child.
    """

    def __init__(self, address_space: int) -> None:
        """`address_space`: upper limit in bytes. Raises OSError."""
        self._process = subprocess.Popen(
            python_child.command(_START, os.getpid(), address_space),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**python_child.environment(), **dict.fromkeys(_ONE_THREAD_VARIABLES, "1")},
            cwd="/",
            process_group=0,
            bufsize=0,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._to, self._from = self._process.stdin.fileno(), self._process.stdout.fileno()
        for pipe in (self._to, self._from):
            os.set_blocking(pipe, False)
            with suppress(OSError):  # not Linux, or the limit for all pipes of a user is reached
                fcntl(pipe, _F_SETPIPE_SZ, _PIPE_BYTES)
        self.pages = 0  #: requests so far

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def wait_ready(self, time_check: TimeCheck) -> None:
        """Wait until the decoders are imported. Raises `ChildDied` and what `time_check` raises."""
        if self._read(len(protocol.READY), time_check) != protocol.READY:
            raise ChildDied("it did not start")

    def decode(self, asked: Request, data: bytes, time_check: TimeCheck) -> Page | DocumentInfo | OcrError | None:
        """What is asked for, or the error of the file; None if decoding needs more memory than the request allows.

        `data`: what follows the request.

        Raises `ChildDied`, `BadAnswer`, and what `time_check` raises; after that the child must be killed.
        """
        self.pages += 1
        self._write(asked.pack(), time_check)
        self._write(data, time_check)
        found = protocol.parse_answer(bytes(self._read(protocol.ANSWER.size, time_check)), asked)
        if isinstance(found, OutOfMemoryAnswer):
            return None
        if isinstance(found, DocumentInfo):
            return found
        if isinstance(found, RefusalAnswer):
            return found.error(bytes(self._read(found.length, time_check)))
        pixels = self._read(found.length, time_check)
        return _page(found, pixels, bytes(self._read(found.text_length, time_check)), asked.number)

    def is_stopped(self) -> bool:
        """Whether it is stopped (SIGSTOP); then it is not slow."""
        return self._stat()[:1] in (["T"], ["t"])

    def cpu_seconds(self) -> float | None:
        """CPU time used so far; None if the system does not say."""
        stat = self._stat()
        return (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK") if len(stat) > 12 else None

    def _stat(self) -> list[str]:
        """The fields of /proc/PID/stat from the state on, see proc(5); [] if there are none."""
        with suppress(OSError):
            return Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return []

    def kill(self) -> None:
        """Send SIGKILL. Callable from any thread."""
        with suppress(OSError):
            self._process.send_signal(signal.SIGKILL)

    def kill_and_wait(self) -> None:
        """Kill the process and wait for its end."""
        self.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        with suppress(subprocess.TimeoutExpired):  # in uninterruptible sleep; it is reaped later
            self._process.wait(_REAP_SECONDS)

    def _write(self, data: bytes, time_check: TimeCheck) -> None:
        view = memoryview(data)
        while view:
            _wait(self._to, select.POLLOUT, time_check)
            with suppress(BlockingIOError):
                try:
                    view = view[os.write(self._to, view) :]
                except BrokenPipeError:
                    raise self._died() from None

    def _read(self, length: int, time_check: TimeCheck) -> bytearray:
        data = bytearray(length)
        view = memoryview(data)
        while view:
            _wait(self._from, select.POLLIN, time_check)
            with suppress(BlockingIOError):
                count = os.readv(self._from, [view])
                if not count:
                    raise self._died()
                view = view[count:]
        return data

    def _died(self) -> ChildDied:
        self.kill_and_wait()
        return ChildDied(f"exit status {self._process.returncode}")


def _page(found: PageAnswer, pixels: bytearray, text_bytes: bytes, number: int) -> Page:
    try:
        text = text_bytes.decode()
    except UnicodeDecodeError:
        raise BadAnswer("a text layer that is not UTF-8") from None
    return Page(
        image=Image.frombuffer("RGB", (found.image_width, found.image_height), pixels, "raw", "RGB", 0, 1),
        width=found.width,
        height=found.height,
        pages=found.pages,
        number=number,
        text_layer=text,
        text_plausible=found.text_plausible and bool(text),
        fonts_missing=found.fonts_missing,
    )


_REAP_SECONDS = 5.0  #: seconds


def _wait(pipe: int, event: int, time_check: TimeCheck) -> None:
    poll = select.poll()
    poll.register(pipe, event)
    while not poll.poll(0):
        seconds = time_check()
        if poll.poll(1000 * max(0.0, seconds)):
            return


__all__ = ["BadAnswer", "Child", "ChildDied", "TimeCheck"]
