"""What a file with a result is called and announced as."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FileType:
    """A type of file."""

    media_type: str  #: with the charset where it is text
    suffix: str  #: of its name
