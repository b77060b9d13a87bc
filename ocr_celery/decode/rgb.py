"""Converts any pixel format to 8-bit RGB or grey, strip by strip, so that only the smaller result is in memory with the original.

Black and white pages and greys stay grey, one channel in place of three, until they have their final size.

Transparent pixels are painted on the backdrop that shows most of the image (`backdrop`).
Deep greys (16-bit, 32-bit, floating point) are scaled, never clipped: white is the largest value of the smallest number
of bits that holds the brightest pixel, at least 8. So a 12-bit scan stored in 16 bits, which would be nearly black, uses
its full range. A dark 16-bit page becomes brighter than it is, which does not harm OCR.
"""

from collections.abc import Iterator
from math import isfinite

from PIL import Image

from ocr_celery.decode.backdrop import Rim
from ocr_celery.errors import Unreadable

_STRIP = 1 << 18  # pixels converted at a time
_DEEP_GREYS = ("I", "I;16", "I;16L", "I;16B", "I;16N", "F")
_WHITE_IS_ZERO = 0  # the value of TIFF tag 262 that Pillow applies only to 8-bit greys


def to_eight_bits(image: Image.Image, factor: int) -> Image.Image:
    """A decoded image as RGB, or as L where it has no colours, `factor` times smaller (pixels: means of factor x factor).

    Returns the image itself if there is nothing to convert.
    """
    if image.mode in ("RGB", "L") and not _is_transparent(image):
        # not `image.reduce`: once a JPEG 2000 is decoded smaller, that is a number
        return Image.Image.reduce(image, factor) if factor > 1 else image
    width, height = image.size
    backdrop = _backdrop(image) if _is_transparent(image) else "white"
    levels = _grey_levels(image) if image.mode in _DEEP_GREYS else (1.0, 0.0)
    is_grey = image.mode in _DEEP_GREYS or (image.mode == "1" and not _is_transparent(image))
    canvas = Image.new("L" if is_grey else "RGB", (-(-width // factor), -(-height // factor)))
    for top, strip in _strips(image, factor):
        converted = _grey(strip, *levels) if is_grey else _rgb(strip, backdrop)
        canvas.paste(converted.reduce(factor) if factor > 1 else converted, (0, top // factor))
    return canvas


def _strips(image: Image.Image, factor: int) -> Iterator[tuple[int, Image.Image]]:
    width, height = image.size
    rows = max(1, _STRIP // (width * factor)) * factor
    for top in range(0, height, rows):
        yield top, image.crop((0, top, width, min(top + rows, height)))


def _is_transparent(image: Image.Image) -> bool:
    return image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info


def _rgb(strip: Image.Image, backdrop: str) -> Image.Image:
    if not _is_transparent(strip):
        return strip.convert("RGB")
    strip = _rgba(strip)
    painted = Image.new("RGB", strip.size, backdrop)
    painted.paste(strip, mask=strip.getchannel("A"))
    return painted


def _rgba(strip: Image.Image) -> Image.Image:
    return strip.convert("LA").convert("RGBA") if strip.mode == "La" else strip.convert("RGBA")


def _backdrop(image: Image.Image) -> str:
    rim = Rim()
    for top, strip in _strips(image, 1):
        above = max(0, top - 1)
        rim.add(_rgba(image.crop((0, above, image.width, top + strip.height)) if top else strip))
    return rim.backdrop()


def _grey(strip: Image.Image, scale: float, offset: float) -> Image.Image:
    if strip.mode == "1":
        return strip.convert("L")
    # Not converted to L directly: Pillow's versions treat 16 bits differently.
    wide = strip.convert("I") if strip.mode.startswith("I;16") else strip
    return wide.point(lambda value: value * scale + offset).convert("L")


def _grey_levels(image: Image.Image) -> tuple[float, float]:
    """(scale, offset) that map the values of a deep grey image to 0…255."""
    ends = [
        end
        for _, strip in _strips(image, 1)
        for end in (strip.convert("I") if image.mode.startswith("I;16") else strip).getextrema()
    ]
    low, high = float(min(ends)), float(max(ends))  # type: ignore[arg-type]  # one band: two plain numbers
    if not (isfinite(low) and isfinite(high)):
        raise Unreadable
    if low >= 0 and high <= 1 and image.mode == "F":
        low, high = 0.0, 1.0
    elif low >= 0 and high <= 65535:
        low, high = 0.0, float(2 ** max(8, int(high).bit_length()) - 1)
    scale = 255 / ((high - low) or 1)
    if getattr(image, "tag_v2", {}).get(262) == _WHITE_IS_ZERO:
        return -scale, 255 + low * scale
    return scale, -low * scale
