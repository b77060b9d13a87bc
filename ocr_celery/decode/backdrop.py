"""What a transparent picture stands on: white, or black where what can be seen in it would be lost on white.

Text stands out from its backdrop where it borders on it. So the rim counts, the pixels at least half opaque that touch a
clear one; a light box with dark text around it has a dark rim. The colour of clear pixels, which no one sees, never counts.
"""

from PIL import Image, ImageChops, ImageFilter

_UNREADABLE_DIFFERENCE = 64  #: levels of grey; what differs less from its backdrop cannot be read
_OPAQUE = 128  #: of 255
_MIN_CLEAR_SHARE = 0.005  #: the part of a picture that must be clear for its backdrop to matter


class Rim:
    """What is seen at the rim, gathered strip by strip (RGBA). Each strip begins with the last row of the one before."""

    def __init__(self) -> None:
        self._levels = [0] * 256
        self._clear = self._pixels = 0

    def add(self, strip: Image.Image) -> None:
        """Look at one strip more."""
        opaque = strip.getchannel("A").point([0] * _OPAQUE + [255] * (256 - _OPAQUE))
        self._pixels += strip.width * strip.height
        self._clear += opaque.histogram()[0]
        rim = ImageChops.subtract(opaque, opaque.filter(ImageFilter.MinFilter(3)))
        seen = strip.convert("RGB").convert("L").histogram(rim)
        self._levels = [sum(pair) for pair in zip(self._levels, seen, strict=True)]

    def backdrop(self) -> str:
        """The name of its colour."""
        if not self._pixels * _MIN_CLEAR_SHARE <= self._clear < self._pixels:
            return "white"
        lost_on_white = sum(self._levels[256 - _UNREADABLE_DIFFERENCE :])
        lost_on_black = sum(self._levels[:_UNREADABLE_DIFFERENCE])
        return "black" if 2 * lost_on_white > sum(self._levels) and lost_on_black < lost_on_white else "white"
