"""The request that this thread answers. Flask's own `request` and `g` are proxies that look it up for each attribute."""

from typing import Any, cast

import flask


def request() -> flask.Request:
    """The current request. Raises `RuntimeError` outside of one."""
    return cast(flask.Request, flask.request._get_current_object())  # type: ignore[attr-defined]


def notes() -> Any:
    """The current request's notes, which Flask calls `g`. Raises `RuntimeError` outside of a request."""
    return flask.g._get_current_object()
