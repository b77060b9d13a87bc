"""What a batch may hold: a bound for each of its items, and one for all of them together."""

import json
from collections.abc import Iterable
from typing import Any

from ocr_celery.errors import BadRequest

MAX_URLS_BYTES = 8 * 1024 * 1024  #: of all items as JSON, which is how Redis holds them
MAX_MALFORMED = 1000  #: characters that are kept of an item that is no URL


def shorten_item(item: Any) -> Any:
    """An item that is no URL as it is kept and shown: itself where it is short, else a shortened text."""
    text = item if isinstance(item, str) else json.dumps(item)
    if len(text) <= MAX_MALFORMED:
        return item
    return f"{text[:MAX_MALFORMED]}… ({len(text)} characters)"


def check_size(items: Iterable[Any]) -> None:
    """Raise `BadRequest` for items that take too much together."""
    size = len(json.dumps(list(items)))
    if size > MAX_URLS_BYTES:
        raise BadRequest(
            f"urls: together they take {size / 1024**2:.1f} MB as JSON; a batch may take up to "
            f"{MAX_URLS_BYTES // 1024**2} MB. Split it into several batches."
        )
