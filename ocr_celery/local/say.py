"""One line of output at a time, with the name of whoever says it, coloured on a terminal only."""

import os
import sys

_WIDTH = 8
_COLOURS = {"redis": 35, "facade": 36, "worker": 32, "flower": 33}


def say(line: str, name: str = "") -> None:
    """Print a line of our own, or with `name` one that a process of ours wrote."""
    head = f"{name:<{_WIDTH}}| " if name else ""
    colour = _COLOURS.get(name.rstrip("0123456789"))
    if head and colour and sys.stdout.isatty() and "NO_COLOR" not in os.environ:
        head = f"\033[{colour}m{head}\033[0m"
    try:
        print(head + line, flush=True)
    except OSError:
        # the terminal, or the reader of our pipe, is gone: what runs goes on and is stopped in order all the same
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 (it stays open as long as we live)
