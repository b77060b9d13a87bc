"""Parses a JSON body, and counts its tokens before it builds any object from it.

`json.loads` turns 8 MB of ``{"0":1,"1":1,…}`` into some 100 MB of objects while no other thread runs. Counting
tokens needs no memory, stops at the limit, and lets other threads run in between.
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
MAX_DEPTH = 16  #: of nested lists and objects: code that stores or shows them recurses

# A string without its closing quote matches to the end of the body: a new search from each quote in it would take quadratic time.
# What stands between tokens is matched in pieces, since no other thread runs during one match.
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)|[\[\]{},:]|[^"\[\]{},:]{1,65536}', re.DOTALL)
_TOKENS = frozenset(b"[]{},:")
_OPENING, _CLOSING = frozenset(b"[{"), frozenset(b"]}")
_QUOTE, _COLON = b'":'
_LARGE_BODY = 256 * 1024  # bytes
_large_body_lock = threading.Lock()  # bounds the time and memory that the threads of a process spend on large bodies


def parse_object(data: bytes, known: Iterable[str], *, max_tokens: int) -> dict[str, Any]:
    """The object in a body, all of whose fields are among `known`.

    `max_tokens`: brackets, commas and colons outside of strings. Raises `MalformedRequest`, `BadRequest`.
    """
    with _large_body_lock if len(data) > _LARGE_BODY else nullcontext():
        _check_bounds(data, known, max_tokens)
        try:
            # the tokens were counted as UTF-8; json would also detect other encodings
            given = json.loads(data.decode("utf-8-sig"), parse_constant=_reject_constant, parse_float=_parse_number)
        except (ValueError, RecursionError):
            raise MalformedRequest("The body is not valid JSON.") from None
    if not isinstance(given, dict):
        raise BadRequest("The body must be a JSON object.")
    raise_for_unknown(given, known)
    _check_depth(given)
    return given


def _check_bounds(data: bytes, known: Iterable[str], max_tokens: int) -> None:
    """Raise `BadRequest` for more tokens than that; it names unknown fields where there are any."""
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
                f"The body has too many fields, items, lists and objects; a request may have {max_tokens} together."
            )
        if first in _OPENING:
            depth += 1
        elif first in _CLOSING:
            depth -= 1
        elif first == _COLON and depth == 1 and len(unknown) <= MAX_NAMED:
            unknown += [name for name in [_field_name(text)] if name not in names]


def _field_name(text: bytes) -> str:
    """A field's name, from its JSON string."""
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
    raise BadRequest(f"The body must not nest lists and objects more than {MAX_DEPTH} deep.")


def _reject_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _parse_number(text: str) -> float:
    """The number; 8.0 is the integer 8, as JSON has one kind of number only."""
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("not a finite number")
    return int(value) if value.is_integer() and abs(value) < 2**53 else value
