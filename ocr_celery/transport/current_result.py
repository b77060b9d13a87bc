"""Passes the outcome of a page to the task that Celery's tracer runs for it."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

_outcome: ContextVar[Any] = ContextVar("outcome")


@contextmanager
def bind(outcome: Any) -> Iterator[None]:
    """Inside, `get()` is this outcome: a result dict, or the error to raise."""
    token = _outcome.set(outcome)
    try:
        yield
    finally:
        _outcome.reset(token)


def is_bound() -> bool:
    """Whether this context completes a page."""
    return _outcome.get(None) is not None


def get() -> Any:
    """The outcome of the page being completed. Raises `LookupError` outside the batching pool."""
    return _outcome.get()
