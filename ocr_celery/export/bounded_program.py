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
from typing import Any

from ocr_celery.decode import python_child
from ocr_celery.decode.process_limits import bind_to_parent, set_limit

_START = python_child.start_code("ocr_celery.export.bounded_program")
_LEEWAY = 5  #: seconds of processor time, after which a program that ignores SIGXCPU is killed


def start(command: Sequence[str], *, cpu_seconds: float, **options: Any) -> "subprocess.Popen[bytes]":
    """Start the program. `cpu_seconds`: of processor time, rounded up; SIGXCPU ends it then. `options`: those of `Popen`."""
    seconds = max(1, math.ceil(cpu_seconds))
    return subprocess.Popen(python_child.command(_START, os.getpid(), seconds, *command), **options)


def main() -> None:
    """The child: lowers its limits and becomes the program, which keeps them."""
    parent, seconds = map(int, sys.argv[2:4])
    bind_to_parent(parent)
    set_limit(resource.RLIMIT_CORE, 0)
    # where both limits are the same Linux sends SIGKILL, which may have other reasons
    set_limit(resource.RLIMIT_CPU, seconds + _LEEWAY)
    set_limit(resource.RLIMIT_CPU, seconds, soft=True)
    os.execv(sys.argv[4], sys.argv[4:])
