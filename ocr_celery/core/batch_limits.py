"""Size limits of a batch: one for each item, one for all items together."""

import json
from collections.abc import Iterable
from typing import Any

from ocr_celery.errors import BadRequest

MAX_URLS_BYTES = 8 * 1024 * 1024  #: of all items as JSON, the form in which Redis stores them
MAX_MALFORMED = 1000  #: characters stored of an item that is not a URL


def shorten_item(item: Any) -> Any:
    """The form in which an item that is not a URL is stored and shown: unchanged if short, else a shortened string."""
    text = item if isinstance(item, str) else json.dumps(item)
    if len(text) <= MAX_MALFORMED:
        return item
    return f"{text[:MAX_MALFORMED]}… ({len(text)} characters)"


def check_size(items: Iterable[Any]) -> None:
    """Raise `BadRequest` if all items together exceed MAX_URLS_BYTES."""
    size = len(json.dumps(list(items)))
    if size > MAX_URLS_BYTES:
        raise BadRequest(
            f"urls: together they take {size / 1024**2:.1f} MB as JSON; a batch may take up to "
            f"{MAX_URLS_BYTES // 1024**2} MB. Split it into several batches."
        )
