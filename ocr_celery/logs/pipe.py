"""Turns output that bypasses logging (C libraries, crashes of the interpreter, child processes) into JSON lines.

Descriptors 1 and 2 lead into a pipe that a separate process reads: our threads cannot block it, and after a crash it still
writes our last lines. It ends when all writers are gone. Standard library only: this file is also that process's program.
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

_FLUSH = b"\x00flush\n"  #: asks the reader to confirm that it has written everything before this
_FLUSH_TIMEOUT = 10.0  #: seconds that this process waits for the confirmation before it ends
_MAX_LINE_BYTES = 65536  #: bytes; a longer line is written in pieces
_ANSI_CODE = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")


def redirect_output(target: int, identity: dict[str, Any]) -> None:
    """From now on what is written to descriptors 1 and 2 comes out of `target` as JSON lines with these fields.

    `target` stays open here, for lines that are JSON already.
    """
    confirmed, confirm = os.pipe()
    read, write = os.pipe()
    reader = subprocess.Popen(
        [sys.executable, "-IS", __file__, json.dumps(identity), str(confirm)],
        stdin=read,
        stdout=target,
        stderr=subprocess.DEVNULL,
        pass_fds=(confirm,),
        start_new_session=True,  # Ctrl-C must not end it: it ends when all writers are gone
    )
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os.dup2(write, 1)
    os.dup2(write, 2)
    for descriptor in (read, write, confirm):
        os.close(descriptor)
    reader.wait()  # its own child goes on reading: see `main`
    atexit.register(_wait_for_flush, os.getpid(), confirmed)


def _wait_for_flush(pid: int, confirmed: int) -> None:
    """Wait until the reader has written everything, so that the log is complete when this process has ended."""
    if os.getpid() != pid:
        return
    with suppress(OSError, ValueError):
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os.write(2, _FLUSH)
        select.select([confirmed], [], [], _FLUSH_TIMEOUT)


def json_line(raw: bytes, identity: dict[str, Any], now: float) -> str | None:
    """A line of output as a JSON log line; None: it is empty. A line that is a log event already stays as it is."""
    text = _ANSI_CODE.sub("", raw.decode(errors="backslashreplace")).rstrip().rpartition("\r")[2]
    if not text.strip():
        return None
    event: dict[str, Any] = {"level": "warning", "event": text, "logger": "stderr"}
    with suppress(ValueError):
        if isinstance(found := json.loads(text), dict) and "event" in found:
            event = {"level": "info", **found}
            if "timestamp" in event:
                return text
    at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now % 1 * 1e6):06}Z"
    return json.dumps({"timestamp": at, **event, **identity})


def main() -> None:
    """Read lines until the last writer is gone. Forks first: the writer must not find a child that it did not start."""
    if os.fork():
        os._exit(0)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)
    identity, confirm = json.loads(sys.argv[1]), int(sys.argv[2])
    while raw := sys.stdin.buffer.readline(_MAX_LINE_BYTES):
        with suppress(OSError):  # the disk is full or the reader gone: later lines may still be written
            if line := json_line(raw.removesuffix(_FLUSH), identity, time.time()):
                os.write(1, line.encode() + b"\n")
            if raw.endswith(_FLUSH):
                os.write(confirm, b".")


if __name__ == "__main__":
    main()
