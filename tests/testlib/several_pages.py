"""Files of several pages, told apart by their widths."""

from collections.abc import Sequence
from io import BytesIO

from PIL import Image

TOO_LARGE = 9000  #: pixels of a side: such a page has more pixels than the service accepts


def tiff(widths: Sequence[int]) -> bytes:
    """A black and white TIFF with a page of each width, 100 pixels high; one of `TOO_LARGE` is square."""
    pages = [Image.new("1", (width, width if width == TOO_LARGE else 100), 1) for width in widths]
    file = BytesIO()
    pages[0].save(file, "TIFF", save_all=True, append_images=pages[1:], compression="group4")
    return file.getvalue()


def pdf(widths: Sequence[int]) -> bytes:
    """A PDF with a page of each width in points, 100 points high."""
    pages = [Image.new("L", (width, 100), 255) for width in widths]
    file = BytesIO()
    pages[0].save(file, "PDF", save_all=True, append_images=pages[1:])
    return file.getvalue()
