"""Checks the type of every field of a message that Celery uses without checking.

Celery ends the worker where a field has another type than its own senders give it. The answer names the field and never its
content, which may be private.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from celery.utils.time import maybe_iso8601

Check = Callable[[Any], bool]


def _is(*types: type) -> Check:
    return lambda value: value is None or (isinstance(value, types) and (bool in types or not isinstance(value, bool)))


def _is_time(value: Any) -> bool:
    if value is None or isinstance(value, datetime):
        return True
    if not isinstance(value, str):
        return False
    try:
        maybe_iso8601(value)
    except (ValueError, OverflowError):
        return False
    return True


def _are_limits(value: Any) -> bool:
    return value is None or (isinstance(value, list | tuple) and len(value) == 2 and all(map(_is(int, float), value)))


def _are_names(value: Any) -> bool:
    return value is None or (isinstance(value, list | tuple) and all(isinstance(name, str) for name in value))


def _is_signature(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("task"), str) and not _first_fault(value, _SIGNATURE)


def _are_signatures(value: Any) -> bool:
    return value is None or (isinstance(value, list | tuple) and all(map(_is_signature, value)))


def _is_chord_body(value: Any) -> bool:
    return value is None or _is_signature(value)


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _are_arguments(value: Any) -> bool:
    return isinstance(value, list | tuple)


def _are_keywords(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(name, str) for name in value)


_SIGNATURE: Mapping[str, Check] = {
    "args": _is(list, tuple),
    "kwargs": _is(dict),
    "options": _is(dict),
    "subtask_type": _is(str),
    "immutable": _is(bool),
    "chord_size": _is(int),
}
_HEADERS: Mapping[str, Check] = {
    **dict.fromkeys(("id", "task"), _is_name),
    **dict.fromkeys(("root_id", "parent_id", "group", "shadow", "argsrepr", "kwargsrepr"), _is(str)),
    **dict.fromkeys(("eta", "expires"), _is_time),
    **dict.fromkeys(("retries", "group_index", "replaced_task_nesting"), _is(int)),
    "timelimit": _are_limits,
    "ignore_result": _is(bool),
    "stamped_headers": _are_names,
    "stamps": _is(dict),
}
_EMBED: Mapping[str, Check] = {
    **dict.fromkeys(("callbacks", "errbacks", "chain"), _are_signatures),
    "chord": _is_chord_body,
}
_FIRST_PROTOCOL: Mapping[str, Check] = {
    **_HEADERS,
    **_EMBED,
    "args": _are_arguments,
    "kwargs": _are_keywords,
    "taskset": _is(str),
}
_PROPERTIES: Mapping[str, Check] = {
    **dict.fromkeys(("correlation_id", "reply_to"), _is(str)),
    "priority": _is(int),
}


def fault(headers: Mapping[str, Any], properties: Mapping[str, Any], payload: Any) -> str:
    """What is wrong with a task message, as a phrase; empty where all is as Celery's senders make it."""
    if isinstance(payload, dict):  # the first protocol: everything stands in the body
        fields = {"args": [], "kwargs": {}, **payload, **headers}
        wrong = _first_fault(fields, _FIRST_PROTOCOL)
    else:
        wrong = _first_fault(headers, _HEADERS) or _body_fault(payload)
    return wrong or _first_fault(properties, _PROPERTIES)


def _first_fault(fields: Mapping[str, Any], checks: Mapping[str, Check]) -> str:
    for name, check in checks.items():
        if not check(fields.get(name)):
            return f"{name} is missing, of a wrong type or malformed ({type(fields.get(name)).__name__})"
    return ""


def _body_fault(payload: Any) -> str:
    if not isinstance(payload, list | tuple) or len(payload) != 3:
        return f"the body is no list of arguments, keywords and links ({type(payload).__name__})"
    args, kwargs, embed = payload
    if not _are_arguments(args):
        return f"the arguments are no list ({type(args).__name__})"
    if not _are_keywords(kwargs):
        return f"the keyword arguments are no mapping ({type(kwargs).__name__})"
    if not isinstance(embed, dict | None):
        return f"the links are no mapping ({type(embed).__name__})"
    return _first_fault(embed or {}, _EMBED)
