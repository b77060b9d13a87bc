"""What opening a document says of it."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentInfo:
    """A file of pages, as its decoder counted them."""

    kind: Literal["pdf", "tiff"]
    pages: int  #: at least 1; a page that is counted may still be damaged
