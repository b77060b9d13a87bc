"""Whether the worker in this process was asked to stop; always False in a client."""

import sys
from typing import Any


def is_set(flag: Any) -> bool:
    """Whether one of Celery's flags (`celery.worker.state.should_stop`, `.should_terminate`) requests a stop.

    A flag is an exit status, of which 0 is one; unset it is None or False.
    """
    return flag is not None and flag is not False


def is_stopping() -> bool:
    """Whether this worker was asked to stop. Imports nothing: a client has no use for Celery's worker."""
    state = sys.modules.get("celery.worker.state")
    return state is not None and is_set(state.should_stop)
