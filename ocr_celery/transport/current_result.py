"""Passes the result of a page to the task that Celery's tracer runs for it."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

_result: ContextVar[Any] = ContextVar("result")


@contextmanager
def bind(result: Any) -> Iterator[None]:
    """Inside, `get()` is this result: a result dict, or the error to raise."""
    token = _result.set(result)
    try:
        yield
    finally:
        _result.reset(token)


def is_bound() -> bool:
    """Whether this context completes a page."""
    return _result.get(None) is not None


def get() -> Any:
    """The result of the page being completed. Raises `LookupError` outside the batching pool."""
    return _result.get()
