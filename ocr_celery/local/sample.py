"""Draws a page to try the service with, at the first start."""

from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

_LINES = (
    (64, "It reads"),
    (30, "This page was drawn by make run, so that the first try needs no picture of yours."),
    (30, "Send it to the service, take the task id from the answer,"),
    (30, "and ask for the result: it says what you are reading now."),
    (44, "Numbers, too"),
    (30, "Invoice 2024-0117, 3 items, total 1,284.50 EUR"),
)


def draw_sample(path: Path) -> None:
    """Write the page as PNG; a file that exists stays."""
    if path.exists():
        return
    page = Image.new("L", (1300, 640), 255)
    pen, top = ImageDraw.Draw(page), 50
    for size, text in _LINES:
        top += 50 if size > 40 and top > 50 else 0  # else a heading is read as a part of the text above it
        pen.text((60, top), text, fill=20, font=ImageFont.load_default(size))
        top += 2 * size if size > 40 else 54
    unfinished = path.with_suffix(".part")
    page.save(unfinished, "PNG")
    unfinished.replace(path)
