"""Passwords of files, each under a key of its own that expires: a message has a reference, ``password={"stored": id}``.

So a password stands in no message, event, log or record of a task.
"""

from collections.abc import Mapping
from typing import Any, cast

from redis import Redis

from ocr_celery.errors import PasswordNeeded
from ocr_celery.store.keys import Keys

KEEP = 7 * 86400  #: seconds at most, however often it is used


def reference(id: str) -> dict[str, str]:
    """The reference that stands in a message for the password stored under this id."""
    return {"stored": id}


def commands(keys: Keys, id: str, password: str) -> list[tuple[str, str, str]]:
    """The commands that store a password; they run in the step that queues the messages."""
    key = keys.password(id)
    return [("SET", key, password), ("EXPIRE", key, str(KEEP))]


def password_id(named: Any) -> str:
    """The id in a reference; "" where there is none."""
    return str(named.get("stored", "")) if isinstance(named, Mapping) else ""


def resolve(redis: Redis, keys: Keys, named: Any) -> str:
    """The password that a reference names, "" where none is named. Raises `PasswordNeeded` and `RedisError`."""
    id = password_id(named)
    if not id:
        return ""
    stored = cast(bytes | None, redis.get(keys.password(id)))
    if stored is None:
        raise PasswordNeeded("The password of the document has expired; send the document again.")
    return stored.decode()
