"""Runs a program that is not ours as a child that ends with this process, whatever ends it, and has a limit of processor time.

Python's own way, a function that is called between fork and exec, is not safe where there are threads: a small interpreter in
between lowers its own limits and becomes the program.
"""

import math
import os
import resource
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ocr_celery.decode.process_limits import bind_to_parent, set_limit

_PACKAGE_DIR = str(Path(__file__).parents[2])
_START = (
    "import sys; sys.path[:0] = [] if sys.argv[1] in sys.path else [sys.argv[1]];"
    " from ocr_celery.export.bounded_program import main; main()"
)


def start(command: Sequence[str], *, cpu_seconds: float, **options: Any) -> "subprocess.Popen[bytes]":
    """Start the program. `cpu_seconds`: of processor time, rounded up; a signal ends it then. `options`: those of `Popen`."""
    numbers = (os.getpid(), max(1, math.ceil(cpu_seconds)))
    return subprocess.Popen([sys.executable, "-I", "-c", _START, _PACKAGE_DIR, *map(str, numbers), *command], **options)


def main() -> None:
    """The child: lowers its limits and becomes the program, which keeps them."""
    parent, seconds = map(int, sys.argv[2:4])
    bind_to_parent(parent)
    set_limit(resource.RLIMIT_CPU, seconds)
    os.execv(sys.argv[4], sys.argv[4:])
