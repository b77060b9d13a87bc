"""Decodes the bytes of an untrusted file to one upright RGB page. Runs in a child process; tests and tools may call it too.

The header selects Pillow's plugin, which is called directly: no other plugin sees the bytes, and the process-wide settings
and warnings of `Image.open` do not apply. Damaged data is refused, never read in part.
"""

import warnings
from contextlib import suppress
from io import BytesIO

from PIL import AvifImagePlugin, Image, ImageFile
from PIL.AvifImagePlugin import AvifImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.Jpeg2KImagePlugin import Jpeg2KImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from ocr_celery.core.page import Page
from ocr_celery.decode.cost_estimate import halvings, wavelet_levels
from ocr_celery.decode.header import check_pixels, read_header
from ocr_celery.decode.jpeg import strip_jpeg
from ocr_celery.decode.metadata import strip_gif, strip_png
from ocr_celery.decode.protocol import MAX_PAGES
from ocr_celery.decode.rgb import to_eight_bits
from ocr_celery.decode.tiff_directories import find_directories
from ocr_celery.errors import NotAnImage, OcrError, TooManyPixels, Unreadable

AvifImagePlugin.DEFAULT_MAX_THREADS = 1  # several children run in parallel, and each thread takes address space

# Warnings about sloppy metadata are of no use, and Python would keep each distinct one in memory.
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
_ORIENTATION = 0x0112
_TILE_WIDTH, _TILE_LENGTH = 322, 323
_TRANSPOSITIONS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SIDEWAYS = (5, 6, 7, 8)


def load(data: bytes, *, max_pixels: int, max_side: int) -> Page:
    """The first page in these bytes, upright, RGB, its longer side at most `max_side` pixels.

    `max_pixels` limits the image as stored. Raises what `header.read_header` raises, `Unreadable`, `PageTooCostly`;
    and `MemoryError`.
    """
    header = read_header(data, max_pixels=max_pixels)
    if header.format == "PDF":  # a message may call any file an image, but it is opened by what it is
        raise NotAnImage
    try:
        image, pages = _open(data, header.format)
        check_pixels(*image.size, max_pixels)  # again, with the size that the plugin will decode
        _check_tiles(image, max_pixels)
        size = image.size
        if isinstance(image, JpegImageFile):
            _draft(image, 2 * max_side)
        elif isinstance(image, Jpeg2KImageFile):
            image = _load_reduced(image, data, 2 * max_side)
        else:
            image.load()
            size = image.size  # HEIF has the final size only now
        return _make_page(image, size, max_side, pages)
    except (OcrError, MemoryError):
        raise
    except Image.DecompressionBombError:  # a few plugins check before this module can
        raise TooManyPixels from None
    except Exception:  # decoders raise any exception on broken data
        raise Unreadable from None


def _open(data: bytes, format: str) -> tuple[ImageFile.ImageFile, int]:
    pages = None
    if format == "JPEG":
        data = strip_jpeg(data)
    elif format == "PNG":
        data, pages = strip_png(data)
    elif format == "GIF":
        data, pages = strip_gif(data)
    elif format == "TIFF":
        pages = max(1, len(find_directories(data, MAX_PAGES)))
    image = _plugin(format)(BytesIO(data))
    return image, pages or min(getattr(image, "n_frames", 1), MAX_PAGES)


def _plugin(format: str) -> type[ImageFile.ImageFile]:
    if format != "HEIF":
        return _PLUGINS[format]
    from pi_heif import options  # optional; without it the header was refused
    from pi_heif.as_plugin import HeifImageFile

    options.DECODE_THREADS = 1
    plugin: type[ImageFile.ImageFile] = HeifImageFile
    return plugin


def _check_tiles(image: ImageFile.ImageFile, max_pixels: int) -> None:
    """Limit the tiles of a TIFF: the decoder allocates a whole tile, which may be declared far larger than the image."""
    tags = getattr(image, "tag_v2", {})
    width, height = tags.get(_TILE_WIDTH, 0), tags.get(_TILE_LENGTH, 0)
    if width * height > max(max_pixels, 1):
        raise TooManyPixels


def _draft(image: JpegImageFile, side: int) -> None:
    """Let the decoder scale a JPEG down while its longer side remains at least `side` pixels."""
    longer = max(image.size)
    if longer > side:
        image.draft(None, (max(1, image.width * side // longer), max(1, image.height * side // longer)))


def _load_reduced(image: Jpeg2KImageFile, data: bytes, side: int) -> Jpeg2KImageFile:
    """Decode a JPEG 2000 at the smallest size whose longer side is at least `side`.

    It can be halved once for each wavelet level; a tile may have fewer levels than the file says, then it is decoded whole.
    """
    reduce = halvings(max(image.size), side, wavelet_levels(data))
    if not reduce:
        return image
    image.reduce = reduce
    with suppress(OSError):
        image.load()
        return image
    return Jpeg2KImageFile(BytesIO(data))


def _make_page(image: ImageFile.ImageFile, size: tuple[int, int], max_side: int, pages: int) -> Page:
    image.load()
    orientation = _orientation(
        image
    )  # after decoding: TIFF and HEIF are upright by now, a PNG may have its EXIF at the end
    page = to_eight_bits(image, max(1, max(image.size) // (2 * max_side)))
    if page is not image:
        image.close()  # frees the decoded original, which may take 256 MB
    longer = max(size)
    if longer > max_side:
        width, height = (max(1, round(side * max_side / longer)) for side in size)
        page = page.resize((width, height), Image.Resampling.LANCZOS)
    elif page is image:
        page = image.copy()  # without a reference to its file
    if page.mode != "RGB":
        page = page.convert("RGB")
    if orientation in _TRANSPOSITIONS:
        page = page.transpose(_TRANSPOSITIONS[orientation])
    if orientation in _SIDEWAYS:
        size = size[1], size[0]
    return Page(image=page, width=size[0], height=size[1], pages=pages)


def _orientation(image: ImageFile.ImageFile) -> int:
    try:
        value = image.getexif().get(_ORIENTATION, 1)
    except MemoryError:
        raise
    except Exception:  # broken EXIF is no reason to refuse an intact image
        return 1
    return value if isinstance(value, int) else 1
