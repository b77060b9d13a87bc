"""How an export stands: asked for, being made, made, or failed; and when one that failed or was lost may be asked for again."""

import json
from dataclasses import dataclass
from typing import Self

from ocr_celery.core.status import Status
from ocr_celery.errors import OcrError, public_error

MAX_TRIES = 3  #: of an export whose exporter died
FAILED_KEEP = 60.0  #: seconds for which callers are answered with a failure; then the export is tried again
MAX_SILENCE = 60.0  #: seconds without a note of life after which an export is queued again: its message may be lost


@dataclass(frozen=True, slots=True)
class ExportStatus:
    """One export, as its record says."""

    status: Status
    size: int = 0  #: bytes of the file, once it is made
    error: OcrError | None = None  #: why it failed

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Raises `ValueError`, `TypeError` or `LookupError` for what is no record."""
        fields = json.loads(text)
        status = Status(fields["status"])
        name, message = fields.get("error") or ("", "")
        error = public_error(str(name), str(message)) if name and status is Status.FAILED else None
        return cls(status, int(fields.get("size") or 0), error)
