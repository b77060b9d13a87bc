"""The address of a store of files: `redis:`, `file:///folder` or `s3://bucket/prefix`; anything else is refused at the start."""

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

REDIS, FILE, S3 = "redis", "file", "s3"
_EXPECTED = "redis: or file:///path/to/folder or s3://bucket/prefix"
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_PREFIX = re.compile(r"(?:/[A-Za-z0-9_-][A-Za-z0-9._-]*)*/?")
_PLAIN = frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789-")


@dataclass(frozen=True, slots=True)
class StoreAddress:
    """An address that was checked."""

    kind: str  #: REDIS, FILE or S3
    folder: Path = Path()  #: of a store in a folder, absolute
    bucket: str = ""  #: of a store in S3
    prefix: str = ""  #: of its objects' keys, without slashes at its ends; may be empty


def parse(text: str) -> StoreAddress:
    """The parts of an address. Raises `ValueError`, which says what is expected."""
    parts = urlsplit(text)
    found = None
    if text in ("redis:", "redis://"):
        found = StoreAddress(REDIS)
    elif parts.query or parts.fragment:
        pass
    elif parts.scheme == FILE and parts.netloc in ("", "localhost"):
        found = _folder(Path(unquote(parts.path)))
    elif parts.scheme == S3 and _BUCKET.fullmatch(parts.netloc) and _PREFIX.fullmatch(parts.path):
        found = StoreAddress(S3, bucket=parts.netloc, prefix=parts.path.strip("/"))
    if found is None:
        raise ValueError(_EXPECTED)
    return found


def subfolder(queue: str) -> str:
    """The name of the part of a store that belongs to this queue; no two queues share one.

    All but small letters, digits and `-` is written as `_` and two hexadecimal digits a byte: a name may be no path, and some
    disks do not tell capital letters from small ones.
    """
    return "".join(chr(byte) if byte in _PLAIN else f"_{byte:02x}" for byte in queue.encode())


def _folder(path: Path) -> StoreAddress | None:
    proper = path.is_absolute() and path != Path("/") and ".." not in path.parts
    return StoreAddress(FILE, folder=path) if proper else None
