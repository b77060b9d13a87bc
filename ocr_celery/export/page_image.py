"""The picture of one page, as it was seen; annotated: with the blocks drawn in, their order, label and a colour by kind.

The colours are those of Okabe and Ito, told apart by the colour-blind too; the labels say it in words anyway.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from PIL import ImageDraw, ImageFont

from ocr_celery.core.blocks import PageBlock
from ocr_celery.core.grounding import Box
from ocr_celery.core.markdown import LABELS, PICTURES
from ocr_celery.core.result_page import ResultPage
from ocr_celery.export.contract import ExportJob, scaled_box

if TYPE_CHECKING:
    from PIL.Image import Image

_QUALITY = 88  #: of JPEG
_BLUE, _SKY, _GREEN, _ORANGE, _VERMILION, _PURPLE, _GREY = (
    *((0, 114, 178), (86, 180, 233), (0, 158, 115), (230, 159, 0)),
    *((213, 94, 0), (204, 121, 167), (90, 90, 90)),
)
_COLOURS = {
    **dict.fromkeys(("title", "sub_title"), _VERMILION),
    **dict.fromkeys(("table", "table_caption", "table_footnote"), _GREEN),
    **dict.fromkeys(PICTURES, _ORANGE),
    **dict.fromkeys(("figure_caption", "figure_title", "image_caption", "caption"), _SKY),
    **dict.fromkeys(("equation", "formula", "code"), _PURPLE),
    **dict.fromkeys(("header", "footer", "page_number", "footnote", "aside_text", "reference"), _GREY),
}
_OTHER = _BLUE  #: text, lists, and what has no label of ours
_BRIGHT = frozenset({_SKY, _ORANGE, _PURPLE})  #: with black letters
_LONGEST_LABEL = 16  #: characters


def write_page_image(job: ExportJob) -> Path:
    """Write the picture of page `page`; `annotated`: with what was found on it. Raises the error that says why there is none."""
    page = job.page(job.options["page"])
    picture = job.picture(page.number)
    if job.options["annotated"]:
        draw_blocks(picture, page)
    target = job.folder / "page.jpg"
    picture.save(target, "JPEG", quality=_QUALITY)
    return target


def draw_blocks(picture: "Image", page: ResultPage) -> None:
    """Draw the blocks of a page into its picture, each with its number in reading order, from 1, and its label."""
    width = max(2, max(picture.size) // 600)
    font = ImageFont.load_default(size=max(11, max(picture.size) // 90))
    draw = ImageDraw.Draw(picture)
    for number, block in enumerate(page.blocks(), start=1):
        colour = _COLOURS.get(block.label, _OTHER)
        boxes = [scaled_box(box, page.size, picture.size) for box in block.boxes]
        for box in boxes:
            draw.rectangle(box, outline=colour, width=width)
        if boxes:
            _draw_tag(draw, f"{number} {_shown_label(block)}", boxes[0], colour, font)


def _shown_label(block: PageBlock) -> str:
    """The label, if it is one of ours: a model may write anything."""
    return block.label[:_LONGEST_LABEL] if block.label in LABELS else "text"


def _draw_tag(
    draw: ImageDraw.ImageDraw,
    text: str,
    box: Box,
    colour: tuple[int, int, int],
    font: "ImageFont.ImageFont | ImageFont.FreeTypeFont",
) -> None:
    """A small filled rectangle with this text at the upper left corner of a box: above it where there is room."""
    left, upper, right, lower = draw.textbbox((0, 0), text, font=font)
    width, height = int(right - left) + 6, int(lower - upper) + 4
    x, y = box[0], box[1] - height if box[1] >= height else box[1]
    draw.rectangle((x, y, x + width, y + height), fill=colour)
    draw.text((x + 3 - left, y + 2 - upper), text, fill="black" if colour in _BRIGHT else "white", font=font)
