"""How many failed deliveries a message may have before its page fails as `given_up`.

A delivery fails when its worker dies or meets an error. What a stopped worker requeues is not counted.
"""

from typing import Any

MAX_DELIVERIES = 50  #: failed deliveries; a page that kills its worker fails long before (core/quarantine.py)


def failed_deliveries(properties: Any) -> int:
    """How many deliveries of a message failed, by its properties; 0 where these say nothing valid."""
    given = properties.get("deliveries") if isinstance(properties, dict) else None
    return given if isinstance(given, int) and not isinstance(given, bool) and given > 0 else 0


def is_given_up(properties: Any) -> bool:
    """Whether a message has failed so often that it is not delivered again."""
    return failed_deliveries(properties) >= MAX_DELIVERIES
