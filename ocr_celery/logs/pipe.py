"""JSON on every line, also of what does not go through logging: C libraries, the interpreter's last words, child processes.

Descriptors 1 and 2 lead into a pipe that a process of its own reads: it cannot be held up by our threads, and it still
writes what we said last when we crash. It ends when everybody who could write is gone. Standard library only: this file is
also that process's program.
"""

import atexit
import json
import os
import re
import select
import signal
import subprocess
import sys
import time
from contextlib import suppress
from typing import Any

_FLUSH = b"\x00flush\n"  #: asks the reader whether it has written everything that came before
_FLUSH_TIMEOUT = 10.0  #: seconds that the end of this process waits for it at most
_MAX_LINE_BYTES = 65536  #: bytes; a longer line is written in pieces
_ANSI_CODE = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")


def redirect_output(target: int, identity: dict[str, Any]) -> None:
    """From now on what is written to descriptors 1 and 2 comes out of `target` as JSON lines with these fields.

    `target` stays open here, for lines that are JSON already.
    """
    answer, said = os.pipe()
    read, write = os.pipe()
    reader = subprocess.Popen(
        [sys.executable, "-IS", __file__, json.dumps(identity), str(said)],
        stdin=read,
        stdout=target,
        stderr=subprocess.DEVNULL,
        pass_fds=(said,),
        start_new_session=True,  # the terminal's Ctrl-C is not for it: it ends when nobody can write any more
    )
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os.dup2(write, 1)
    os.dup2(write, 2)
    for descriptor in (read, write, said):
        os.close(descriptor)
    reader.wait()  # what is left is its child, which is none of ours: see `main`
    atexit.register(_wait_for_flush, os.getpid(), answer)


def _wait_for_flush(pid: int, answer: int) -> None:
    """Wait until the reader has written what was said, as whoever reads the log after our end will look for it."""
    if os.getpid() != pid:
        return
    with suppress(OSError, ValueError):
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os.write(2, _FLUSH)
        select.select([answer], [], [], _FLUSH_TIMEOUT)


def json_line(raw: bytes, identity: dict[str, Any], now: float) -> str | None:
    """The line as a log line; None for an empty one. An event of a child that logs as we do stays as it is."""
    text = _ANSI_CODE.sub("", raw.decode(errors="backslashreplace")).rstrip().rpartition("\r")[2]
    if not text.strip():
        return None
    said: dict[str, Any] = {"level": "warning", "event": text, "logger": "stderr"}
    with suppress(ValueError):
        if isinstance(found := json.loads(text), dict) and "event" in found:
            said = {"level": "info", **found}
            if "timestamp" in said:
                return text
    at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now % 1 * 1e6):06}Z"
    return json.dumps({"timestamp": at, **said, **identity})


def main() -> None:
    """Read lines until the last writer is gone, as no child of his: who counts or waits for those meets his own only."""
    if os.fork():
        os._exit(0)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)
    identity, said = json.loads(sys.argv[1]), int(sys.argv[2])
    while raw := sys.stdin.buffer.readline(_MAX_LINE_BYTES):
        with suppress(OSError):  # a disk that is full, a reader that is gone: what comes later may still be written
            if line := json_line(raw.removesuffix(_FLUSH), identity, time.time()):
                os.write(1, line.encode() + b"\n")
            if raw.endswith(_FLUSH):
                os.write(said, b".")


if __name__ == "__main__":
    main()
