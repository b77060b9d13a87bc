"""Pictures that hold text."""

import io

from PIL import Image, ImageDraw, ImageFont


def page(text: str, *, size: tuple[int, int] = (900, 200), format: str = "PNG") -> bytes:
    """A picture of a line of text."""
    image = Image.new("RGB", size, "white")
    ImageDraw.Draw(image).text((40, 70), text, fill="black", font=ImageFont.load_default(48))
    file = io.BytesIO()
    image.save(file, format)
    return file.getvalue()
