"""One line of output at a time, with the time and the name of whoever wrote it, coloured on a terminal only."""

import os
import sys
import time

from ocr_celery import terminal_log


def say(line: str, name: str = "") -> None:
    """Print a line of our own, or with `name` one that a process of ours wrote."""
    if name and not line.strip():
        return
    text = terminal_log.renamed(line, name, time.localtime()) if name else line
    if name and sys.stdout.isatty() and not os.environ.get("NO_COLOR"):
        text = terminal_log.coloured(text)
    try:
        print(text, flush=True)
    except OSError:
        # the terminal, or the reader of our pipe, is gone: what runs goes on and is stopped in order all the same
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 (it stays open as long as we live)
