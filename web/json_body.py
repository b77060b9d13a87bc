"""Reads a JSON body: what it would cost is counted before anything is built from it.

`json.loads` turns 8 MB of ``{"0":1,"1":1,…}`` into some 100 MB of objects while no other thread runs. Counting the tokens of
a body needs no memory, stops at the bound, and lets other threads run in between.
"""

import json
import math
import re
import threading
from collections.abc import Iterable
from contextlib import nullcontext
from typing import Any, NoReturn

from ocr_celery.errors import BadRequest
from web.problems import MalformedRequest
from web.unknown_fields import MAX_NAMED, raise_for_unknown

MAX_BYTES = 8 * 1024 * 1024
MAX_DEPTH = 16  #: of lists and objects within each other: whatever stores or shows them recurses

# A text that never ends runs to the end of the body: tried again from each quote within it, it would take quadratic time.
# What stands between tokens is taken in pieces, since no other thread runs while one search goes on.
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)|[\[\]{},:]|[^"\[\]{},:]{1,65536}', re.DOTALL)
_TOKENS = frozenset(b"[]{},:")
_OPENING, _CLOSING = frozenset(b"[{"), frozenset(b"]}")
_QUOTE, _COLON = b'":'
_LARGE_BODY = 256 * 1024  # bytes
_large_body_lock = threading.Lock()  # for the time and memory of a process, which has many threads


def parse_object(data: bytes, known: Iterable[str], *, max_tokens: int) -> dict[str, Any]:
    """The object in a body that has no fields but the known ones.

    `max_tokens`: brackets, commas and colons outside of texts. Raises `MalformedRequest`, `BadRequest`.
    """
    with _large_body_lock if len(data) > _LARGE_BODY else nullcontext():
        _check_bounds(data, known, max_tokens)
        try:
            # what was counted is UTF-8: json would find out other encodings by itself
            given = json.loads(data.decode("utf-8-sig"), parse_constant=_reject_constant, parse_float=_parse_number)
        except (ValueError, RecursionError):
            raise MalformedRequest("The body is not valid JSON.") from None
    if not isinstance(given, dict):
        raise BadRequest("The body must be a JSON object.")
    raise_for_unknown(given, known)
    _check_depth(given)
    return given


def _check_bounds(data: bytes, known: Iterable[str], max_tokens: int) -> None:
    """Raise `BadRequest` for more tokens than that, naming unknown fields where those are the reason."""
    tokens = depth = 0
    text = b""
    unknown: list[str] = []
    names = frozenset(known)
    for match in _TOKEN.finditer(data):
        first = data[match.start()]
        if first == _QUOTE:
            if depth == 1:
                text = match[0]
            continue
        if first not in _TOKENS:
            continue
        tokens += 1
        if tokens > max_tokens:
            raise_for_unknown(unknown, names)
            raise BadRequest(
                f"The body has more fields, items, lists and objects than a request may have: {max_tokens}."
            )
        if first in _OPENING:
            depth += 1
        elif first in _CLOSING:
            depth -= 1
        elif first == _COLON and depth == 1 and len(unknown) <= MAX_NAMED:
            unknown += [name for name in [_field_name(text)] if name not in names]


def _field_name(text: bytes) -> str:
    """A field's name as it was written."""
    try:
        return str(json.loads(text))
    except ValueError:
        return text.decode(errors="replace")


def _check_depth(given: dict[str, Any]) -> None:
    level: list[Any] = [given]
    for _ in range(MAX_DEPTH):
        level = [x for c in level for x in (c.values() if isinstance(c, dict) else c) if isinstance(x, dict | list)]
        if not level:
            return
    raise BadRequest(f"The body has more than {MAX_DEPTH} lists or objects within each other.")


def _reject_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _parse_number(text: str) -> float:
    """JSON knows one kind of number: 8.0 is as whole as 8."""
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("no such number")
    return int(value) if value.is_integer() and abs(value) < 2**53 else value
