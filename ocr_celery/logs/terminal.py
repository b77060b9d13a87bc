"""Formats a log event as one short line for a terminal: time, program and what matters; JSON has the rest."""

import re
import time
from collections.abc import Callable, Mapping
from typing import Any

NAME_WIDTH = 7  #: columns of a program's name
_MAX_LENGTH = {"source": 48, "path": 60, "why": 200}  #: characters printed of a value, by its key
_HIDDEN_KEYS = frozenset(
    {"timestamp", "level", "logger", "event", "exception", "stack", "host", "program", "worker", "pid"}
)
_LINE = re.compile(
    r"(?P<time>\d\d:\d\d:\d\d) (?P<name>\S+ *?) {1,7}(?P<text>(?P<level>WARNING|ERROR|CRITICAL)?.*)", re.DOTALL
)
_TASK_ID = re.compile(r"[0-9a-f]{8}(?=-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})(?:-[0-9a-f]+){4}")
_COLOURS = {"redis": 35, "facade": 36, "worker": 32, "flower": 33, "WARNING": 33, "ERROR": 31, "CRITICAL": 31}


def format_event(event: Mapping[str, Any], *, program: str, at: time.struct_time) -> str:
    """The line of a log event: ``21:04:41 worker  0eda4be5 page.png  read 11.1s  2552 chars ok``.

    Values must hold no control characters; a traceback follows on separate lines.
    """
    level = str(event.get("level", "info")).upper()
    text = _FORMATTERS.get(str(event.get("event")), _other_event)(event)
    text_with_level = f"{level} {text}" if level in ("WARNING", "ERROR", "CRITICAL") else text
    more = "".join(f"\n{event[key]}" for key in ("stack", "exception") if event.get(key))
    return with_header(program, text_with_level, at) + more


def with_header(program: str, text: str, at: time.struct_time) -> str:
    """The text behind the time and the program's name."""
    return f"{time.strftime('%H:%M:%S', at)} {program:<{NAME_WIDTH}} {text}"


def with_program(text: str, program: str, at: time.struct_time) -> str:
    """The line with the name of the program that wrote it; a line without a time gets `at`."""
    found = _LINE.fullmatch(text)
    return f"{found['time']} {program:<{NAME_WIDTH}} {found['text']}" if found else with_header(program, text, at)


def add_colours(text: str) -> str:
    """The line with the program's name in colour, and the text of a warning or error, too."""
    found = _LINE.fullmatch(text)
    if not found:
        return text
    name = _paint(f"{found['name']:<{NAME_WIDTH}}", _COLOURS.get(found["name"].strip().rstrip("0123456789")))
    return f"{found['time']} {name} {_paint(found['text'], _COLOURS.get(found['level'] or ''))}"


def _paint(text: str, colour: int | None) -> str:
    return f"\033[{colour}m{text}\033[0m" if colour else text


def _request(event: Mapping[str, Any]) -> str:
    sent = event.get("task_id") or event.get("batch_task_id")
    status = event["status"]
    parts = [
        f"{event['method']} {_shorten(event['path'], 'path')} {status} {event['ms']:.0f}ms",
        f"→ {_short_id(sent)}" if status == 202 and sent else "",
        str(event.get("code") or ""),
        f"from {event['client']}" if status >= 400 and event.get("client") else "",
    ]
    return " ".join(filter(None, parts))


def _page_read(event: Mapping[str, Any]) -> str:
    times = f" after {event['readings']} readings" if event["readings"] > 1 else ""
    how = "cached" if event.get("cached") else f"read {event['read']:.1f}s"
    return f"{_page_label(event)}  {how}  {event['characters']} chars {event['verdict']}{times}"


def _document_read(event: Mapping[str, Any]) -> str:
    total, failed = event["pages"]["total"], event["pages"]["failed"]
    return (
        f"{_page_label(event)}  {total - failed} of {total} pages read  {event['characters']} chars {event['verdict']}"
    )


def _page_failed(event: Mapping[str, Any]) -> str:
    return f"{_page_label(event)}  failed {event['code']}: {_shorten(event['why'], 'why')}"


def _page_retried(event: Mapping[str, Any]) -> str:
    return f"{_page_label(event)}  {event['code']}, will be tried again: {_shorten(event['why'], 'why')}"


def _page_label(event: Mapping[str, Any]) -> str:
    return f"{_short_id(event['task_id'])} {_shorten(event['source'], 'source')}"


def _other_event(event: Mapping[str, Any]) -> str:
    """Any other event: its text, and its keys with their values."""
    values = {key: value for key, value in event.items() if key not in _HIDDEN_KEYS and not key.startswith("_")}
    values.pop("request_id", None)
    return " ".join(
        [_TASK_ID.sub(lambda found: found[0][:8], str(event["event"])), *(f"{k}={v}" for k, v in values.items())]
    )


def _short_id(task_id: Any) -> str:
    return str(task_id)[:8] if _TASK_ID.fullmatch(str(task_id)) else str(task_id)[:36]


def _shorten(value: Any, key: str) -> str:
    """Cut a value that is too long: a sentence keeps its beginning, a source or path its end, which identifies it."""
    text, limit = _TASK_ID.sub(lambda found: found[0][:8], str(value)), _MAX_LENGTH[key]
    if len(text) <= limit:
        return text
    return text[: limit - 1] + "…" if key == "why" else "…" + text[1 - limit :]


_FORMATTERS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "request": _request,
    "page read": _page_read,
    "document read": _document_read,
    "page failed": _page_failed,
    "page will be tried again": _page_retried,
}
