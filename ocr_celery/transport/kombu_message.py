"""From the text of a message in Redis to the object that kombu delivers."""

from typing import Any

from kombu.utils.json import loads

from ocr_celery.store import messages


def parse_message(taken: messages.Taken) -> dict[str, Any]:
    """Parse a message for kombu: an object with headers and properties. Raises `ValueError` if it is not one."""
    message = loads(taken.text.decode())
    if not isinstance(message, dict):
        raise ValueError("it is no JSON object")
    properties = _part(message, "properties")
    info = _part(properties, "delivery_info")
    info.setdefault("routing_key", taken.queue)
    info.setdefault("exchange", "")
    properties["delivery_tag"] = taken.tag  # the sender's own may be anything
    _part(message, "headers")
    return message


def _part(parent: dict[str, Any], name: str) -> dict[str, Any]:
    if parent.get(name) is None:
        parent[name] = {}
    if not isinstance(parent[name], dict):
        raise ValueError(f"{name} is no object")
    part: dict[str, Any] = parent[name]
    return part
