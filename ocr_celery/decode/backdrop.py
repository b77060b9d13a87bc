"""Chooses the backdrop of a transparent image: white, or black if its visible pixels would be unreadable on white.

Text contrasts with the backdrop at its border. So only the rim counts: pixels at least half opaque next to a transparent
one. A light box with dark text around it has a dark rim. The colour of transparent pixels is invisible and never counts.
"""

from PIL import Image, ImageChops, ImageFilter

_UNREADABLE_DIFFERENCE = 64  #: levels of grey; a smaller difference from the backdrop cannot be read
_OPAQUE = 128  #: of 255
_MIN_CLEAR_SHARE = 0.005  #: share of transparent pixels from which the backdrop matters


class Rim:
    """The grey levels of the rim, collected from RGBA strips. Each strip begins with the last row of the one before."""

    def __init__(self) -> None:
        self._levels = [0] * 256
        self._clear = self._pixels = 0

    def add(self, strip: Image.Image) -> None:
        """Add one strip."""
        opaque = strip.getchannel("A").point([0] * _OPAQUE + [255] * (256 - _OPAQUE))
        self._pixels += strip.width * strip.height
        self._clear += opaque.histogram()[0]
        rim = ImageChops.subtract(opaque, opaque.filter(ImageFilter.MinFilter(3)))
        seen = strip.convert("RGB").convert("L").histogram(rim)
        self._levels = [sum(pair) for pair in zip(self._levels, seen, strict=True)]

    def backdrop(self) -> str:
        """The name of the colour, as Pillow knows it."""
        if not self._pixels * _MIN_CLEAR_SHARE <= self._clear < self._pixels:
            return "white"
        lost_on_white = sum(self._levels[256 - _UNREADABLE_DIFFERENCE :])
        lost_on_black = sum(self._levels[:_UNREADABLE_DIFFERENCE])
        return "black" if 2 * lost_on_white > sum(self._levels) and lost_on_black < lost_on_white else "white"
