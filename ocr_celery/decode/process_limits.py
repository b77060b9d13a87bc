"""What a child process does first: it ends with its parent, whatever it is busy with, and lowers its own limits."""

import ctypes
import os
import resource
import signal
import sys
from contextlib import suppress

_PR_SET_PDEATHSIG = 1


def bind_to_parent(parent: int) -> None:
    """End with the process that started this one, and ignore what a terminal or supervisor sends to that one's group.

    `parent`: its id.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)
    with suppress(OSError, AttributeError):  # only Linux has prctl
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit()


def set_limit(resource_id: int, limit: int, *, soft: bool = False) -> None:
    """Lower the limit, as far as the system has it. `soft`: leave the hard limit, so that it can be raised again."""
    with suppress(OSError, ValueError):
        hard = resource.getrlimit(resource_id)[1]
        if hard != resource.RLIM_INFINITY:
            limit = min(limit, hard)
        resource.setrlimit(resource_id, (limit, hard if soft else limit))
