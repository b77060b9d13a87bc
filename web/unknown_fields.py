"""Refuses what a request has and its call does not know, by name: a misspelt field would otherwise be ignored in silence."""

from collections.abc import Iterable

from ocr_celery.errors import BadRequest

MAX_NAMED = 5  #: unknown fields that a refusal names
_LENGTH = 40  # characters of each


def raise_for_unknown(given: Iterable[str], known: Iterable[str]) -> None:
    """Raise `BadRequest` with the first unknown fields among those given, if there are any."""
    names = frozenset(known)
    unknown = [name for name in given if name not in names]
    if not unknown:
        return
    shown = ", ".join(ascii(name[:_LENGTH])[1:-1] for name in sorted(unknown[:MAX_NAMED]))
    more = ", …" if len(unknown) > MAX_NAMED else ""
    there = f"There are: {', '.join(sorted(names))}." if names else "This call has none."
    raise BadRequest(f"Unknown field{'s' if len(unknown) > 1 else ''}: {shown}{more}. {there}")
