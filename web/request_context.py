"""The request that this thread answers, itself: Flask's names for it look it up again for each attribute."""

from typing import Any, cast

import flask


def request() -> flask.Request:
    """The request. Raises `RuntimeError` where none is being answered."""
    return cast(flask.Request, flask.request._get_current_object())  # type: ignore[attr-defined]


def state() -> Any:
    """What is noted about the request, as in Flask's `g`. Raises `RuntimeError` where none is being answered."""
    return flask.g._get_current_object()
