"""What every store of files promises: a file is there whole or not at all, under the id of its task.

Names come out of messages, which anyone may have written: a name is letters, digits, `-`, `_` and inner dots, never a path.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]+)*")
_LONGEST_NAME = 200


class NoSuchFile(LookupError):
    """The store holds no file of this name."""


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file that lies in a store."""

    name: str
    size: int  #: bytes
    changed_at: float  #: Unix seconds, by the store's clock


class FileStore(Protocol):
    """Files by their name. Safe to share between threads.

    Every call blocks for as long as the store takes to answer, seconds at most if it is away.

    All calls raise `StoreUnavailable` where the store is away or refuses, and `RedisError` where it is Redis.
    """

    in_redis: (
        bool  #: whether it is the Redis of the tasks, whose admission and result steps keep and delete files themselves
    )

    def put(self, name: str, data: bytes) -> None:
        """Store a file; returns when it would survive a crash of the machine. One of the same name stays or gives way, whole.

        Raises `StoreFull`, and `ValueError` for what is no name.
        """

    def put_file(self, name: str, path: Path) -> None:
        """The same with the bytes of the file at `path`, which are not held in memory unless the store is Redis."""

    def get(self, name: str) -> bytes:
        """The file's bytes. Raises `NoSuchFile`."""

    def fetch(self, name: str, path: Path) -> int:
        """Write the file to `path`, which does not exist yet, and return its size in bytes. Never holds all of it in memory.

        Raises `NoSuchFile`, and `OSError` where `path` cannot be written; an unfinished `path` may be left behind.
        """

    def pieces(self, name: str) -> tuple[int, Iterator[bytes]]:
        """The file's size in bytes, and its bytes in pieces of a few megabytes at most. Raises `NoSuchFile`.

        To be read to the end, or closed. One that is deleted meanwhile may come whole, or raise `NoSuchFile`.
        """

    def delete(self, *names: str) -> None:
        """Delete files; those that are not there do not matter."""

    def list(self) -> Iterator[StoredFile]:
        """Every file, in no order. What is stored or deleted meanwhile may be missing or there."""


def is_name(name: str) -> bool:
    """Whether a store may hold a file of this name."""
    return len(name) <= _LONGEST_NAME and _NAME.fullmatch(name) is not None


def checked_name(name: str) -> str:
    """The name itself. Raises `ValueError` for what is none."""
    if not is_name(name):
        raise ValueError(f"{name[:60]!r} is no name of a file: letters, digits, - and _, with single dots between them")
    return name
