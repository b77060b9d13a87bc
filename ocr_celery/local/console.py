"""Prints the lines of `make run` and its programs: with time and program name, coloured on a terminal, or as JSON."""

import json
import os
import platform
import sys
import time
from datetime import UTC, datetime

from ocr_celery.logs import terminal

as_json = False  #: print every line as a JSON object; set once, at the start


def print_line(line: str, name: str = "") -> None:
    """Print a line of `make run`, or with `name` a line that the program of this name wrote."""
    if not line.strip() and (name or as_json):
        return
    try:
        print(_json_line(line, name) if as_json else _text_line(line, name), flush=True)
    except OSError:
        # the terminal or the reader of our pipe is gone: the programs go on and are still stopped in order
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 (it stays open until the process ends)


def _text_line(line: str, name: str) -> str:
    if not name:
        return line
    text = terminal.with_program(line, name, time.localtime())
    return terminal.add_colours(text) if sys.stdout.isatty() and not os.environ.get("NO_COLOR") else text


def _json_line(line: str, name: str) -> str:
    if name and line.startswith("{"):
        return line
    event = {
        "timestamp": datetime.now(UTC).isoformat(),
        "level": "info",
        "event": line,
        "logger": "stderr" if name else "ocr_celery.local",
        "program": name or "make run",
        "host": platform.node(),
    }
    return json.dumps(event)
