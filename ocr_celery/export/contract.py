"""What a format of exports is given, and what it returns: everything comes page by page, so that of a document one is in memory.

A format never opens the untrusted file: `picture` and `kind` ask a decoding process, which can be killed.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from ocr_celery.core.grounding import Box
from ocr_celery.core.result_formats import ResultHead
from ocr_celery.core.result_page import ResultPage
from ocr_celery.errors import (
    DocumentNotSupported,
    EmptyFile,
    ImageExpired,
    NotAnImage,
    OcrError,
    PageTooCostly,
    PasswordNeeded,
    TooManyPages,
    TooManyPixels,
    Unreadable,
    UnreadableDocument,
    WrongPassword,
)

if TYPE_CHECKING:
    from PIL.Image import Image

#: the errors of `ExportJob.picture` that are about the file itself: a format may do without the picture, as there will be none.
#: With any other (the store is away, the decoder has ended) the export fails: what is made is kept, and would lack it for good
NO_PICTURE: tuple[type[OcrError], ...] = (
    *(DocumentNotSupported, EmptyFile, NotAnImage, TooManyPages, TooManyPixels, Unreadable, UnreadableDocument),
    *(ImageExpired, PageTooCostly, PasswordNeeded, WrongPassword),
)

SourceKind = Literal["image", "pdf", "tiff"]


class ExportJob(Protocol):
    """One export that is being made. Used by one thread. All calls block; those to Redis may raise `RedisError`."""

    head: ResultHead
    source: str  #: the file's name or the URL without its secret parts, as its sender wrote it: hostile; "" if unknown
    options: Mapping[str, Any]  #: of the format, checked when it was asked for
    password: str  #: that opens the file; "" where it has none or it is not kept, as a rule
    max_pixels: int  #: of an image as stored; larger ones are not decoded
    folder: Path  #: for files of this job; deleted with all that is in it when the job ends

    def check(self) -> None:
        """Note that the export is still being made; raises where it is to end.

        To be called every few seconds by what takes long without asking for a page or a picture.
        """

    def pages(self) -> Iterator[ResultPage]:
        """The pages of the result in their order, those that failed too. May be called again; each call looks them up again."""

    def page(self, number: int) -> ResultPage:
        """One page of a document, without the others; of anything else its only page, whatever the number.

        Raises `TaskNotFound` for a page that is not read.
        """

    def picture(self, number: int) -> "Image":
        """Page `number` of the file, from 1 (of an image: 1): upright, RGB, its longer side at most 2048 pixels.

        Its size may differ from `ResultPage.size`, which the boxes of blocks refer to: see `scaled_box`. Raises the `OcrError`
        that says why there is none: one of `NO_PICTURE` (it is damaged, has a password, is not kept), or another, which no format
        catches.
        """

    def source_path(self) -> Path:
        """The file as it was given, fetched by the first call; it stays until the job ends. It is hostile.

        Raises `ImageExpired` where it is not kept any more, `StoreUnavailable`.
        """

    @property
    def kind(self) -> SourceKind:
        """What the file is, by its content. Raises like `source_path`, and what says that it cannot be opened."""


#: writes the file of a job into `job.folder` and returns its path. Raises the `OcrError` that says why there is none:
#: `FormatNotAvailable` with what to install where something is missing here; anything else is a bug, `Internal` for its sender
WriteExport = Callable[[ExportJob], Path]


def scaled_box(box: Box, page_size: tuple[int, int], picture_size: tuple[int, int]) -> Box:
    """A box in pixels of the page as one in pixels of its picture, within it: left, upper, right, lower.

    Empty (left = right or upper = lower) where the box is, or lies outside.
    """
    (width, height), (picture_width, picture_height) = page_size, picture_size
    if width <= 0 or height <= 0:
        return (0, 0, 0, 0)
    left, upper, right, lower = box
    return (
        min(max(left * picture_width // width, 0), picture_width),
        min(max(upper * picture_height // height, 0), picture_height),
        min(max(-(-right * picture_width // width), 0), picture_width),
        min(max(-(-lower * picture_height // height), 0), picture_height),
    )
