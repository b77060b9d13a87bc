"""Refuses what a request has and its call does not know, by name: a misspelt field would otherwise be ignored in silence."""

from collections.abc import Iterable

from ocr_celery.errors import BadRequest

SHOWN = 5  #: unknown fields that a refusal names
_LENGTH = 40  # characters of each


def refuse_unknown(given: Iterable[str], known: Iterable[str]) -> None:
    """Raise `BadRequest` with the first unknown fields among those given, if there are any."""
    names = frozenset(known)
    unknown = [name for name in given if name not in names]
    if not unknown:
        return
    shown = ", ".join(ascii(name[:_LENGTH])[1:-1] for name in sorted(unknown[:SHOWN]))
    more = ", …" if len(unknown) > SHOWN else ""
    there = f"There are: {', '.join(sorted(names))}." if names else "This call has none."
    raise BadRequest(f"Unknown field{'s' if len(unknown) > 1 else ''}: {shown}{more}. {there}")
