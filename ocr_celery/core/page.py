"""A page that is ready to be read: the result of decoding and the input of an engine."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One upright page."""

    image: "Image.Image"  #: mode RGB, upright, its longer side at most the engine's `max_side`
    width: int  #: pixels of the upright page before scaling
    height: int
    pages: int = 1  #: pages or frames in the file
    number: int = 1  #: which of them this is, from 1
    text_layer: str = ""  #: the text that the file itself has for this page; "" where there is none that can be used
    text_plausible: bool = False  #: whether that text may be used without reading the image
    fonts_missing: bool = False  #: whether text is invisible in `image` because this machine lacks the fonts for it
