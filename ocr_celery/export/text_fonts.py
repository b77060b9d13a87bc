"""The fonts of a PDF's invisible text: one for each plane of Unicode, complete when it is known which characters are used."""

import zlib
from collections.abc import Iterable

from pikepdf import Array, Dictionary, Name, Object, Pdf, String

from ocr_celery.export import glyphless

_FLAGS = 4  #: of a font descriptor: its characters are in no standard set


class TextFonts:
    """The fonts of one PDF. Call `finish` before it is saved."""

    def __init__(self, pdf: Pdf) -> None:
        self._pdf = pdf
        self._fonts: dict[int, Object] = {}
        self._rows: dict[int, set[int]] = {}
        self._described: Object | None = None

    def use(self, codes: Iterable[tuple[int, int]]) -> dict[int, Object]:
        """The fonts for these codes, by their plane. `codes`: (plane, first byte), any number of times."""
        planes = set()
        for plane, row in set(codes):
            planes.add(plane)
            self._rows.setdefault(plane, set()).add(row)
        return {plane: self._font(plane) for plane in sorted(planes)}

    def finish(self) -> None:
        """Write into the fonts which characters their codes are."""
        for plane, font in self._fonts.items():
            font.ToUnicode = self._stream(glyphless.to_unicode(plane, self._rows[plane]))

    def _font(self, plane: int) -> Object:
        if plane not in self._fonts:
            name = Name(f"/{glyphless.NAME}")
            descendant = Dictionary(
                Type=Name.Font,
                Subtype=Name.CIDFontType2,
                BaseFont=name,
                CIDSystemInfo=Dictionary(Registry=String("Adobe"), Ordering=String("Identity"), Supplement=0),
                FontDescriptor=self._descriptor(),
                CIDToGIDMap=self._stream(glyphless.glyph_map(plane)),
                DW=glyphless.default_width(plane),
            )
            if widths := glyphless.pdf_widths(plane):
                descendant.W = Array([Array(part) if isinstance(part, list) else part for part in widths])
            self._fonts[plane] = self._pdf.make_indirect(
                Dictionary(
                    Type=Name.Font,
                    Subtype=Name.Type0,
                    BaseFont=name,
                    Encoding=Name("/Identity-H"),
                    DescendantFonts=Array([self._pdf.make_indirect(descendant)]),
                )
            )
        return self._fonts[plane]

    def _descriptor(self) -> Object:
        if self._described is None:
            program = glyphless.font_program()
            file = self._stream(program)
            file.Length1 = len(program)
            top, bottom = glyphless.ASCENT, glyphless.DESCENT
            self._described = self._pdf.make_indirect(
                Dictionary(
                    Type=Name.FontDescriptor,
                    FontName=Name(f"/{glyphless.NAME}"),
                    Flags=_FLAGS,
                    FontBBox=Array([0, bottom, 1000, top]),
                    ItalicAngle=0,
                    Ascent=top,
                    Descent=bottom,
                    CapHeight=top,
                    StemV=80,
                    FontFile2=file,
                )
            )
        return self._described

    def _stream(self, data: bytes) -> Object:
        return compressed_stream(self._pdf, data)


def compressed_stream(pdf: Pdf, data: bytes) -> Object:
    """A stream of these bytes: compressed here, so that many pages take little memory."""
    stream = pdf.make_stream(zlib.compress(data))
    stream.Filter = Name.FlateDecode
    return stream
