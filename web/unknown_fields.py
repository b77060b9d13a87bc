"""Refuses fields that a call does not have, by name: a misspelt field would otherwise be ignored silently."""

from collections.abc import Iterable

from ocr_celery.errors import BadRequest

MAX_NAMED = 5  #: unknown fields that an error names
_LENGTH = 40  # characters of each


def raise_for_unknown(given: Iterable[str], known: Iterable[str]) -> None:
    """Raise `BadRequest` that names the first unknown fields, if any of those given is unknown."""
    names = frozenset(known)
    unknown = [name for name in given if name not in names]
    if not unknown:
        return
    listed = ", ".join(ascii(name[:_LENGTH])[1:-1] for name in sorted(unknown[:MAX_NAMED]))
    more = ", …" if len(unknown) > MAX_NAMED else ""
    hint = f"Known fields: {', '.join(sorted(names))}." if names else "This call takes none."
    raise BadRequest(f"Unknown field{'s' if len(unknown) > 1 else ''}: {listed}{more}. {hint}")
