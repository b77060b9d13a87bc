"""What an export is asked for by: its task, format and options make its id, so that all who ask for the same share one file."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid5

from ocr_celery.core.export_formats import EXPORT_FORMATS, PAGE_IMAGE, RESULT_EXPORTS
from ocr_celery.core.file_keeping import export_name_of
from ocr_celery.errors import BadOption

_NAMESPACE = UUID("9a8f1d0e-6f0b-5a3c-8c53-2f0c5d7e4b61")
_VERSION = 1  #: of how formats are written; with another version all files are made again


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """One export. Raises `BadOption` for a format or options that there are not."""

    task_id: str
    format: str  #: one of `EXPORT_FORMATS`
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not isinstance(self.task_id, str) or not isinstance(self.options, Mapping):
            raise BadOption("An export takes the id of a task, a format, and options.")
        if self.format not in EXPORT_FORMATS:
            raise BadOption(f"format: must be one of {', '.join(sorted(EXPORT_FORMATS))}.")
        _check(self.format, self.options)

    @property
    def id(self) -> str:
        """The same for all who ask for the same."""
        said = json.dumps([_VERSION, self.task_id, self.format, dict(self.options)], sort_keys=True)
        return str(uuid5(_NAMESPACE, said))

    @property
    def file_name(self) -> str:
        """Of its file in the store."""
        return export_name_of(self.task_id, self.id)

    @property
    def is_of_result(self) -> bool:
        """Whether it is a form of the whole result, which has to be there; a page's picture is not."""
        return self.format in RESULT_EXPORTS

    def __str__(self) -> str:
        return f"{self.format} of task {self.task_id[:60]}"


def page_image(task_id: str, page: int, *, annotated: bool) -> ExportRequest:
    """The picture of a page, from 1."""
    return ExportRequest(task_id, PAGE_IMAGE, {"page": page, "annotated": annotated})


def _check(format: str, options: Mapping[str, Any]) -> None:
    if format == PAGE_IMAGE:
        page, annotated = options.get("page"), options.get("annotated")
        if set(options) != {"page", "annotated"} or type(page) is not int or page < 1 or type(annotated) is not bool:
            raise BadOption(f"{PAGE_IMAGE}: wants page, a number from 1, and annotated, true or false.")
    elif options:
        raise BadOption(f"{format}: takes no options.")
