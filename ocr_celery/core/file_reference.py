"""How a message names a file that it does not hold: `blob:ID` lies in Redis, `file:ID` in the service's store (OCR_STORE).

The message says which, so that a change of OCR_STORE does no harm to messages that wait.
"""

from typing import TypeGuard

IN_REDIS = "blob:"
IN_STORE = "file:"


def is_reference(source: object) -> TypeGuard[str]:
    """Whether a source names a file in Redis or in the store."""
    return isinstance(source, str) and source.startswith((IN_REDIS, IN_STORE))


def file_name(reference: str) -> str:
    """The name of the file, in whichever of the two."""
    return reference.partition(":")[2]
