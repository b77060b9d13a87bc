"""Messages that no sender of Celery's makes, built from a good one by rule: each field missing, and of each other type."""

import json
from base64 import b64encode
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

#: one of each type that JSON has, and some that are nearly right
VALUES: tuple[Any, ...] = (None, True, 0, -1, 7, 1.5, 10**30, "", "x", [], [1], [[]], {}, {"a": 1}, "\x00", "é" * 300)
HEADERS = (
    *("id", "task", "lang", "root_id", "parent_id", "group", "group_index", "shadow", "eta", "expires", "retries"),
    *("timelimit", "argsrepr", "kwargsrepr", "origin", "ignore_result", "replaced_task_nesting", "stamped_headers"),
    *("stamps", "compression", "redelivered"),
)
PROPERTIES = ("correlation_id", "reply_to", "priority", "delivery_tag", "delivery_info", "body_encoding", "deliveries")
PARTS = ("body", "headers", "properties", "content-type", "content-encoding")
LINKS = ("callbacks", "errbacks", "chain", "chord")


def good(image: bytes, *, task: str = "ocr.image", links: Any = None, **kwargs: Any) -> dict[str, Any]:
    """A message as kombu puts it into a Redis list; `image` is one that can be read."""
    id = str(uuid4())
    args = [{"__type__": "base64", "__value__": b64encode(image).decode()}]
    headers = {"lang": "py", "task": task, "id": id, "shadow": None, "eta": None, "expires": None, "group": None}
    headers |= {"group_index": None, "retries": 0, "timelimit": [None, None], "root_id": id, "parent_id": None}
    headers |= {"argsrepr": "()", "kwargsrepr": "{}", "origin": "a@b", "ignore_result": False, "stamps": {}}
    properties: dict[str, Any] = {"correlation_id": id, "reply_to": str(uuid4()), "delivery_mode": 2, "priority": 0}
    properties |= {"delivery_info": {"exchange": "", "routing_key": "q"}, "body_encoding": "base64"}
    properties["delivery_tag"] = str(uuid4())
    message = {"content-encoding": "utf-8", "content-type": "application/json"}
    body = [args, kwargs, links or dict.fromkeys(LINKS)]
    return {**message, "body": encoded(body), "headers": headers, "properties": properties}


def encoded(body: Any) -> str:
    """A body as kombu encodes it."""
    return b64encode(json.dumps(body).encode()).decode()


def malformed(image: bytes) -> dict[str, bytes]:
    """By what is wrong with each. Some are read all the same; none may harm another message."""
    return dict((*_raw(image), *_fields(image), *_bodies(image), *_links(image)))


def _raw(image: bytes) -> Iterator[tuple[str, bytes]]:
    whole = json.dumps(good(image)).encode()
    for value in (*VALUES, [{}, {}, {}]):
        yield f"raw {value!r:.20}", json.dumps(value).encode()
    yield "raw empty", b""
    yield "raw no JSON", b"hello"
    yield "raw cut", whole[: len(whole) // 2]
    yield "raw more", whole + b"}"
    yield "raw bytes", bytes(range(256))
    yield "raw deep", b"[" * 100_000 + b"]" * 100_000
    yield "raw deep header", whole.replace(b'"shadow": null', b'"shadow": ' + b"[" * 3000 + b"]" * 3000)
    yield "raw surrogate", whole.replace(b'"a@b"', b'"\\ud800"')
    yield "raw NaN", whole.replace(b'"retries": 0', b'"retries": NaN')
    yield "raw pickle", b"\x80\x04\x95\x10\x00\x00\x00."


def _fields(image: bytes) -> Iterator[tuple[str, bytes]]:
    for part, names in (("", PARTS), ("headers", HEADERS), ("properties", PROPERTIES)):
        for name in names:
            for value in ("missing", *VALUES):
                message = good(image)
                fields = message[part] if part else message
                if value == "missing":
                    fields.pop(name, None)
                else:
                    fields[name] = value
                yield f"{part} {name} {value!r:.20}", json.dumps(message).encode()
    for name, value in (("eta", "2026-99-99"), ("expires", "tomorrow"), ("eta", "0001-01-01T00:00:00+23:00")):
        message = good(image)
        message["headers"][name] = value
        yield f"time {name} {value}", json.dumps(message).encode()
    for limits in ([1], [1, 2, 3], ["a", "b"], [[1], [2]], {"a": 1, "b": 2}):
        message = good(image)
        message["headers"]["timelimit"] = limits
        yield f"limits {limits}", json.dumps(message).encode()
    for stated in ("application/x-python-serialize", "application/x-yaml", "text/plain", "application/data", "a/b"):
        message = good(image)
        message["content-type"] = stated
        yield f"type {stated}", json.dumps(message).encode()


def _bodies(image: bytes) -> Iterator[tuple[str, bytes]]:
    args = [{"__type__": "base64", "__value__": b64encode(image).decode()}]
    bodies = [*VALUES, [], [args], [args, {}], [args, {}, {}, {}], [{}, args, {}], ["a", {}, {}], [None, None, None]]
    bodies += [[args, {"prompt": value}, {}] for value in VALUES if not isinstance(value, str)]
    bodies += [[[value], {}, {}] for value in VALUES]
    bodies += [{"task": "ocr.image", "id": "x"}, {"task": 7}, {"args": [], "kwargs": {}}, {"args": 1, "kwargs": 2}]
    for body in bodies:
        yield f"body {body!r:.40}", json.dumps({**good(image), "body": encoded(body)}).encode()
        first = good(image)  # the first protocol has no headers
        yield f"first body {body!r:.40}", json.dumps({**first, "headers": {}, "body": encoded(body)}).encode()
    for text in ("%%%", "a", b64encode(b"\xff\xfe").decode(), b64encode(b"[[[").decode(), b64encode(b"null").decode()):
        yield f"text {text}", json.dumps({**good(image), "body": text}).encode()


def _links(image: bytes) -> Iterator[tuple[str, bytes]]:
    links = [*VALUES, [{"task": 7}], [{"task": None, "args": [], "kwargs": {}}], {"task": "no.such", "options": 7}]
    links += [[{"task": "elsewhere.ok", "args": [], "kwargs": {}, "options": {"queue": {"a": 1}}}]]
    links += [[{"task": "elsewhere.ok", "args": [], "kwargs": {}, "options": {"compression": "x"}}]]
    links += [[{"task": "elsewhere.ok", "args": [], "kwargs": {}, "options": {"serializer": "x"}}]]
    links += [[{"task": "elsewhere.ok", "args": [], "kwargs": {}, "options": {}, "subtask_type": "x"}]]
    links += [[{"task": "celery.chord", "args": [], "kwargs": {}, "options": {}, "subtask_type": "chord"}]]
    for name in LINKS:
        for value in links:
            message = good(image, links={**dict.fromkeys(LINKS), name: value})
            if name == "chord":
                message["headers"]["group"] = "a-group"
            yield f"link {name} {value!r:.60}", json.dumps(message).encode()
