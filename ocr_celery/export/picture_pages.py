"""Makes a PDF of pictures: a JPEG byte for byte, any other picture without a loss, each on a page of its own.

Pictures wait in files, not in memory, until the PDF is saved.
"""

import struct
from contextlib import ExitStack
from io import BytesIO
from pathlib import Path

from pikepdf import AccessMode, Array, Dictionary, Name, Object, Pdf
from PIL import Image, ImageChops

from ocr_celery.export.jpeg_stream import JpegStream

_LONGER_SIDE = 842.0  #: of a page, in points: that of A4, since what pictures say of their size is often wrong
_BLANK = (595.0, 842.0)
_SHORTEST_SIDE = 3.0  #: points; viewers refuse pages that are less
_PNG_SIGNATURE, _PNG_PREDICTOR = b"\x89PNG\r\n\x1a\n", 15
_BYTES_AT_ONCE = 16 << 20  #: of pictures in memory
#: by the orientation of EXIF: where the unit square of the picture goes in the unit square of the page
_PLACED = {
    1: (1, 0, 0, 1, 0, 0),
    2: (-1, 0, 0, 1, 1, 0),
    3: (-1, 0, 0, -1, 1, 1),
    4: (1, 0, 0, -1, 0, 1),
    5: (0, -1, -1, 0, 1, 1),
    6: (0, -1, 1, 0, 0, 1),
    7: (0, 1, 1, 0, 0, 0),
    8: (0, 1, -1, 0, 1, 0),
}
_COLOURS = {1: Name.DeviceGray, 3: Name.DeviceRGB, 4: Name.DeviceCMYK}


class PicturePages:
    """A PDF that grows by pictures."""

    def __init__(self, folder: Path) -> None:
        """`folder`: for its files; they are needed until the PDF of `joined` is saved."""
        self._folder = folder
        self._pdf, self._bytes = Pdf.new(), 0
        self._parts: list[Path] = []

    def add_jpeg(self, data: bytes, jpeg: JpegStream) -> None:
        """Add a page with this JPEG, which is not changed. `jpeg`: what `read_jpeg` says of it."""
        image = self._pdf.make_stream(data)
        image.Filter = Name.DCTDecode
        if jpeg.inverted:
            image.Decode = Array([1, 0] * jpeg.components)
        image.BitsPerComponent = 8
        self._add_page(image, jpeg.width, jpeg.height, jpeg.components, jpeg.orientation)
        self._count(len(data))

    def add_picture(self, picture: Image.Image) -> None:
        """Add a page with this picture. `picture`: upright, in mode RGB; it is stored in black and white, or grey, if it is."""
        picture = _without_unused_colours(picture)
        data = _png_data(picture)
        components, bits = len(picture.getbands()), 1 if picture.mode == "1" else 8
        image = self._pdf.make_stream(data)
        image.Filter = Name.FlateDecode
        image.DecodeParms = Dictionary(
            Predictor=_PNG_PREDICTOR, Colors=components, BitsPerComponent=bits, Columns=picture.width
        )
        image.BitsPerComponent = bits
        self._add_page(image, picture.width, picture.height, components, 1)
        self._count(len(data))

    def add_blank(self) -> None:
        """Add an empty page, in place of a picture that cannot be decoded."""
        self._pdf.add_blank_page(page_size=_BLANK)

    def joined(self, opened: ExitStack) -> Pdf:
        """All pages as one PDF. `opened`: closes the files that it is read from, when it has been saved."""
        self._store()
        whole = opened.enter_context(Pdf.new())
        for path in self._parts:
            part = opened.enter_context(Pdf.open(path, access_mode=AccessMode.stream))
            whole.pages.extend(part.pages)
        return whole

    def _add_page(self, image: Object, width: int, height: int, components: int, orientation: int) -> None:
        image.Type, image.Subtype = Name.XObject, Name.Image
        image.Width, image.Height, image.ColorSpace = width, height, _COLOURS[components]
        scale = _LONGER_SIDE / max(width, height)
        across, down = (height * scale, width * scale) if orientation > 4 else (width * scale, height * scale)
        across, down = max(across, _SHORTEST_SIDE), max(down, _SHORTEST_SIDE)
        self._pdf.add_blank_page(page_size=(round(across, 3), round(down, 3)))
        a, b, c, d, e, f = _PLACED[orientation]
        matrix = (a * across, b * down, c * across, d * down, e * across, f * down)
        page = self._pdf.pages[-1].obj
        page.Resources = Dictionary(XObject=Dictionary(Picture=image))
        drawn = f"q {' '.join(f'{value:.3f}' for value in matrix)} cm /Picture Do Q\n"
        page.Contents = self._pdf.make_stream(drawn.encode())

    def _count(self, size: int) -> None:
        self._bytes += size
        if self._bytes >= _BYTES_AT_ONCE:
            self._store()

    def _store(self) -> None:
        """Write the pages in memory into a file."""
        if len(self._pdf.pages):
            path = self._folder / f"pictures-{len(self._parts)}.pdf"
            self._pdf.save(path, compress_streams=False, static_id=True)
            self._parts.append(path)
        self._pdf.close()
        self._pdf, self._bytes = Pdf.new(), 0


def _without_unused_colours(picture: Image.Image) -> Image.Image:
    """The same picture in mode RGB, L, or 1, whichever is the least that holds it."""
    red, green, blue = picture.split()
    if ImageChops.difference(red, green).getbbox() or ImageChops.difference(red, blue).getbbox():
        return picture
    only_extremes = not any(red.histogram()[1:255])
    return red.convert("1", dither=Image.Dither.NONE) if only_extremes else red


def _png_data(picture: Image.Image) -> bytes:
    """The pixels in the compression of PNG, which PDF has as well."""
    file = BytesIO()
    picture.save(file, "PNG")
    data, at, parts = file.getbuffer(), len(_PNG_SIGNATURE), []
    while at < len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        if kind == b"IDAT":
            parts.append(bytes(data[at + 8 : at + 8 + length]))
        at += 12 + length
    return b"".join(parts)
