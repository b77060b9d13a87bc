"""Cuts what pages show as pictures out of them, as JPEG, for the formats that hold figures.

A figure is left out where its page cannot be shown, and where all figures together would be larger than the format allows.
"""

import io
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from ocr_celery.core.blocks import PageBlock
from ocr_celery.core.grounding import Box
from ocr_celery.core.markdown import PICTURES
from ocr_celery.core.result_page import ResultPage
from ocr_celery.export.contract import NO_PICTURE, ExportJob, scaled_box

if TYPE_CHECKING:
    from PIL.Image import Image


class FigureCutter:
    """Cuts the figures of one export; used by one thread.

    `quality`: of JPEG. `most_bytes`: of all figures. `report`: called with a line for each page whose figures are left out.
    """

    def __init__(self, job: ExportJob, *, quality: int, most_bytes: int, report: Callable[[str], None]) -> None:
        self._job, self._quality, self._report = job, quality, report
        self._most_bytes = self._left = most_bytes

    def cut(self, page: ResultPage) -> Iterator[tuple[int, bytes]]:
        """The figures of a page: (index of the block on the page, JPEG). A block with several boxes is cut as one.

        Raises what `ExportJob.picture` raises, but `NO_PICTURE`.
        """
        if self._left < 0 or not any(map(_is_figure, page.blocks())):
            return
        try:
            picture = self._job.picture(page.number)
        except NO_PICTURE as error:
            self._report(f"page {page.number}: {error.code}: {error.message}")
            return
        for number, (index, box) in enumerate(_figure_boxes(page, picture), start=1):
            self._job.check()
            data = self._jpeg(picture.crop(box))
            self._left -= len(data)  # boxes may overlap, so that the figures of a page are larger than the page
            if self._left < 0:
                self._report(
                    f"page {page.number}, from figure {number} on: the figures have more than {self._most_bytes} bytes"
                )
                return
            yield index, data

    def _jpeg(self, figure: "Image") -> bytes:
        data = io.BytesIO()
        figure.save(data, "JPEG", quality=self._quality)
        return data.getvalue()


def _is_figure(block: PageBlock) -> bool:
    return block.label in PICTURES and bool(block.boxes)


def _figure_boxes(page: ResultPage, picture: "Image") -> Iterator[tuple[int, Box]]:
    """Where the figures are in the picture of the page, with the index of their block. Those outside of it are left out."""
    for index, block in enumerate(page.blocks()):
        if not _is_figure(block):
            continue
        lefts, uppers, rights, lowers = zip(*block.boxes, strict=True)
        box = scaled_box((min(lefts), min(uppers), max(rights), max(lowers)), page.size, picture.size)
        if box[0] < box[2] and box[1] < box[3]:
            yield index, box
