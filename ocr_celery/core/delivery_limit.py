"""How often a message may come again before it is given up.

Counted are only deliveries that came to no end because a worker died or an error was met; a worker that is stopped gives
back what it holds, and that is nothing against a page.
"""

from typing import Any

MOST = 50  #: deliveries that came to no end; a page that kills is known long before (store/crash_marks.py)


def count(properties: Any) -> int:
    """How many deliveries of a message came to no end, as its properties say; 0 where they say nothing proper."""
    given = properties.get("deliveries") if isinstance(properties, dict) else None
    return given if isinstance(given, int) and not isinstance(given, bool) and given > 0 else 0


def is_given_up(properties: Any) -> bool:
    """Whether a message has come so often that it is not worked on any more."""
    return count(properties) >= MOST
