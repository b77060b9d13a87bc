"""What is transparent stands on the backdrop on which the most of what is visible can be seen."""

from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image, ImageDraw

from ocr_celery.decode.image import load
from tests.testlib.hostile_images import saved

SIZE = (400, 300)
Draw = Callable[[ImageDraw.ImageDraw], None]


def text(colour: Any) -> Draw:
    def draw(on: ImageDraw.ImageDraw) -> None:
        for y in range(20, 280, 40):
            on.text((20, y), "some text to be read", colour, font_size=24)

    return draw


def box(inside: Any, outside: Any) -> Draw:
    """A box with text in it, and text of another colour outside."""

    def draw(on: ImageDraw.ImageDraw) -> None:
        on.rectangle((20, 20, 200, 120), inside)
        for y in range(140, 280, 30):
            on.text((20, y), "text outside of the box, which is read", outside, font_size=20)

    return draw


def page(draw: Draw, clear: Any = (0, 0, 0, 0), size: tuple[int, int] = SIZE) -> Image.Image:
    image = Image.new("RGBA", size, clear)
    draw(ImageDraw.Draw(image))
    return image


CASES: dict[str, tuple[Image.Image, str]] = {
    "black": (page(text((0, 0, 0, 255))), "white"),
    "white": (page(text((255, 255, 255, 255))), "black"),
    "white, and what is clear is white too": (page(text((255, 255, 255, 255)), (255, 255, 255, 0)), "black"),
    "black, and what is clear is black too": (page(text((0, 0, 0, 255)), (0, 0, 0, 0)), "white"),
    "dark grey": (page(text((60, 60, 60, 255))), "white"),
    "light grey": (page(text((220, 220, 220, 255))), "black"),
    "yellow": (page(text((255, 255, 0, 255))), "black"),
    "red": (page(text((200, 0, 0, 255))), "white"),
    "blue": (page(text((0, 0, 200, 255))), "white"),
    "a light box, dark text outside": (page(box((250, 250, 250, 255), (20, 20, 20, 255))), "white"),
    "a dark box, light text outside": (page(box((20, 20, 20, 255), (250, 250, 250, 255))), "black"),
    "half clear": (Image.new("RGBA", SIZE, (0, 0, 0, 128)), "white"),
    "all clear": (Image.new("RGBA", SIZE, (255, 255, 255, 0)), "white"),
    "opaque": (page(text((0, 0, 0, 255)), (255, 255, 255, 255)), "white"),
}


def backdrop(data: bytes) -> str:
    pixel = load(data, max_pixels=10**8, max_side=4000).image.getpixel((2, 2))
    return {(255, 255, 255): "white", (0, 0, 0): "black", (127, 127, 127): "white"}[pixel]  # type: ignore[index]


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("format", ["PNG", "WEBP", "TIFF"])
def test_text_stands_out_from_what_is_behind_it(name: str, format: str) -> None:
    image, wanted = CASES[name]
    options: dict[str, Any] = {"lossless": True, "exact": True} if format == "WEBP" else {}
    assert backdrop(saved(image, format, **options)) == wanted


@pytest.mark.parametrize("mode", ["LA", "P"])
def test_the_same_of_greys_and_palettes(mode: str) -> None:
    light, dark = CASES["white"][0], CASES["black"][0]
    if mode == "LA":
        files = [saved(image.convert("LA"), "PNG") for image in (light, dark)]
    else:
        files = []
        for colour in (255, 0):
            image = Image.new("P", SIZE, 0)
            image.putpalette([128, 128, 128, colour, colour, colour])
            ImageDraw.Draw(image).fontmode = "1"
            ImageDraw.Draw(image).text((20, 20), "some text to be read", 1, font_size=24)
            files.append(saved(image, "PNG", transparency=0))
    assert [backdrop(data) for data in files] == ["black", "white"]


def test_the_whole_picture_counts_however_it_is_painted() -> None:
    """Light text at its end decides over its beginning, which is painted earlier."""
    image = Image.new("RGBA", (2000, 1500), (0, 0, 0, 0))
    draw = ImageDraw.Draw(image)
    draw.text((20, 20), "dark", (0, 0, 0, 255), font_size=24)
    for y in range(700, 1450, 50):
        draw.text((20, y), "light text, of which there is more" * 3, (255, 255, 255, 255), font_size=24)
    page = load(saved(image, "PNG"), max_pixels=10**8, max_side=4000).image
    assert [page.getpixel((2, y)) for y in (2, 1490)] == [(0, 0, 0)] * 2
