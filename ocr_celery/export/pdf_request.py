"""What the process that writes a searchable PDF is asked for."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class PdfRequest:
    """A searchable PDF that is to be written."""

    source: Path  #: the file as it was given
    kind: str  #: "pdf", "tiff" or "image"
    password: str  #: of a PDF; "" if none is known
    texts: Path  #: the pages wanted and their lines, a `PlacedPage` in JSON on each line
    folder: Path  #: for files of its own
    target: Path
    max_pixels: int  #: of a picture
