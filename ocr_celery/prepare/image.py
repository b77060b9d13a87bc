"""Bytes of a stranger's file become one upright RGB page, or an `OcrError`, within a known amount of memory.

Pillow's plugins are called by name, by what the header says: no other plugin ever sees the bytes, and neither a
process-wide setting nor a warning of `Image.open` plays a part. Damaged data is refused, never half read.
"""

import warnings
from contextlib import nullcontext
from io import BytesIO

from PIL import Image, ImageFile
from PIL.AvifImagePlugin import AvifImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.Jpeg2KImagePlugin import Jpeg2KImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from ocr_celery.errors import OcrError, TooManyPixels, Unreadable
from ocr_celery.header import check_pixels, look
from ocr_celery.page import Page
from ocr_celery.prepare.budget import PixelBudget
from ocr_celery.prepare.colour import paint
from ocr_celery.prepare.metadata import MOST_PAGES, bare_png, gif_frames, tiff_pages

# Of a stranger's sloppy metadata nobody needs to hear, and Python would remember each such sentence for ever.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")

_PLUGINS: dict[str, type[ImageFile.ImageFile]] = {
    "JPEG": JpegImageFile,
    "PNG": PngImageFile,
    "WEBP": WebPImageFile,
    "TIFF": TiffImageFile,
    "GIF": GifImageFile,
    "BMP": BmpImageFile,
    "AVIF": AvifImageFile,
    "JPEG2000": Jpeg2KImageFile,
}
#: how many times the memory of its pixels (4 bytes each) a format takes while it is decoded, where that is more than 1
_APPETITE = {"WEBP": 4, "JPEG2000": 5, "AVIF": 3, "HEIF": 3, "TIFF": 2}
_ORIENTATION = 0x0112
_TILE_WIDTH, _TILE_LENGTH = 322, 323
_TURNED_BY = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SIDEWAYS = (5, 6, 7, 8)


def load(data: bytes, *, max_pixels: int, max_side: int, budget: PixelBudget | None = None) -> Page:
    """The first page in these bytes, upright, RGB, on white, its longer side at most `max_side` pixels.

    `max_pixels` bounds the picture as stored; a `budget` bounds what all threads decode at the same moment, where the
    pixels of a format whose decoder takes more memory count several times.

    Raises `EmptyFile`, `PdfNotSupported`, `NotAnImage`, `TooManyPixels`, `Unreadable`; and `MemoryError`.
    """
    header = look(data, max_pixels=max_pixels)
    try:
        image, pages = _open(data, header.format)
        check_pixels(*image.size, max_pixels)  # again: what the plugin found is what it will decode
        _check_tiles(image, max_pixels)
        width, height = image.size
        _decode_smaller(image, 2 * max_side)
        appetite = image.width * image.height * _APPETITE.get(header.format, 1)
        with budget.share(appetite) if budget else nullcontext():
            return _page(image, (width, height), max_side, pages)
    except (OcrError, MemoryError):
        raise
    except Image.DecompressionBombError:  # a few plugins check for themselves, before we can
        raise TooManyPixels from None
    except Exception:  # decoders raise anything at all on broken data
        raise Unreadable from None


def _open(data: bytes, format: str) -> tuple[ImageFile.ImageFile, int]:
    pages = None
    if format == "PNG":
        data, pages = bare_png(data)
    elif format == "GIF":
        pages = gif_frames(data)
    elif format == "TIFF":
        pages = tiff_pages(data)
    image = _plugin(format)(BytesIO(data))
    return image, pages or min(getattr(image, "n_frames", 1), MOST_PAGES)


def _plugin(format: str) -> type[ImageFile.ImageFile]:
    if format != "HEIF":
        return _PLUGINS[format]
    from pi_heif.as_plugin import HeifImageFile  # optional; without it the header was refused already

    plugin: type[ImageFile.ImageFile] = HeifImageFile
    return plugin


def _check_tiles(image: ImageFile.ImageFile, max_pixels: int) -> None:
    """A TIFF's decoder makes room for a whole tile, which may be announced far larger than the picture."""
    tags = getattr(image, "tag_v2", {})
    width, height = tags.get(_TILE_WIDTH, 0), tags.get(_TILE_LENGTH, 0)
    if width * height > max(max_pixels, 1):
        raise TooManyPixels


def _decode_smaller(image: ImageFile.ImageFile, side: int) -> None:
    """Let a JPEG be decoded smaller, as long as its longer side stays at least `side` pixels."""
    longer = max(image.size)
    if longer > side:
        image.draft(None, (max(1, image.width * side // longer), max(1, image.height * side // longer)))


def _page(image: ImageFile.ImageFile, size: tuple[int, int], max_side: int, pages: int) -> Page:
    image.load()
    if not isinstance(image, JpegImageFile):
        size = image.size  # HEIF knows it only now; a JPEG may have been decoded smaller
    orientation = _orientation(image)  # after decoding: TIFF and HEIF are upright by now, a PNG may tell it at its end
    page = paint(image, max(1, max(image.size) // (2 * max_side)))
    image.close()  # lets go of the decoded original, which may be a quarter of a gigabyte
    longer = max(size)
    if longer > max_side:
        width, height = (max(1, round(side * max_side / longer)) for side in size)
        page = page.resize((width, height), Image.Resampling.LANCZOS)
    if orientation in _TURNED_BY:
        page = page.transpose(_TURNED_BY[orientation])
    if orientation in _SIDEWAYS:
        size = size[1], size[0]
    return Page(image=page, width=size[0], height=size[1], pages=pages)


def _orientation(image: ImageFile.ImageFile) -> int:
    try:
        value = image.getexif().get(_ORIENTATION, 1)
    except MemoryError:
        raise
    except Exception:  # broken EXIF is no reason to refuse a good picture
        return 1
    return value if isinstance(value, int) else 1
