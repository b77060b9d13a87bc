"""The address of a store of files: `redis:`, `file:///folder` or `s3://bucket/prefix`; anything else is refused at the start."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

REDIS, FILE = "redis", "file"
_EXPECTED = "redis: or file:///path/to/folder"


@dataclass(frozen=True, slots=True)
class StoreAddress:
    """An address that was checked."""

    kind: str  #: REDIS or FILE
    folder: Path = Path()  #: of a store in a folder, absolute


def parse(text: str) -> StoreAddress:
    """The parts of an address. Raises `ValueError`, which says what is expected."""
    parts = urlsplit(text)
    if text in ("redis:", "redis://"):
        return StoreAddress(REDIS)
    if parts.scheme == FILE and parts.netloc in ("", "localhost") and not (parts.query or parts.fragment):
        folder = Path(unquote(parts.path))
        if folder.is_absolute() and folder != Path("/") and ".." not in folder.parts:
            return StoreAddress(FILE, folder)
    raise ValueError(_EXPECTED)
