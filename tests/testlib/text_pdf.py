"""PDF files with text, written by hand: pages of 595 x 842 points."""

import zlib

CJK_FONT = b"STSong-Light"


def text_pdf(*contents: str, annotations: bytes = b"", picture: bytes = b"", box: str = "0 0 595 842") -> bytes:
    """A page for each of these content streams.

    Fonts: /L Latin, as every reader has it; /C Chinese, which is not in the file; /X a font without names of characters.
    `picture`: grey pixels of an image /I, 200 x 200.
    """
    image = _stream(
        zlib.compress(picture or b"\xff" * 40_000),
        b"/Type/XObject/Subtype/Image/Width 200/Height 200/BitsPerComponent 8/ColorSpace/DeviceGray/Filter/FlateDecode",
    )
    shared = (
        b"<</Font<</L 4 0 R/C 5 0 R/X 8 0 R>>/XObject<</I 10 0 R>>>>",
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>",
        b"<</Type/Font/Subtype/Type0/BaseFont/%s/Encoding/UniGB-UCS2-H/DescendantFonts[6 0 R]>>" % CJK_FONT,
        b"<</Type/Font/Subtype/CIDFontType0/BaseFont/%s/DW 1000/FontDescriptor 7 0 R"
        b"/CIDSystemInfo<</Registry(Adobe)/Ordering(GB1)/Supplement 4>>>>" % CJK_FONT,
        b"<</Type/FontDescriptor/FontName/%s/Flags 6/FontBBox[-25 -254 1000 880]/ItalicAngle 0/Ascent 880/Descent -120"
        b"/CapHeight 880/StemV 93>>" % CJK_FONT,
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/ToUnicode 9 0 R>>",
        _stream(
            b"/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /X def /CMapType 2 def "
            b"1 begincodespacerange <00> <FF> endcodespacerange 1 beginbfrange <41> <5A> <E000> endbfrange "
            b"endcmap end end"
        ),
        image,
    )
    first = len(shared) + 3  # the catalog and the tree stand before, and objects count from 1
    kids = b" ".join(b"%d 0 R" % (first + 2 * number) for number in range(len(contents)))
    pages = []
    for number, content in enumerate(contents):
        pages.append(
            b"<</Type/Page/Parent 2 0 R/MediaBox[%s]/Contents %d 0 R/Annots[%s]/Resources 3 0 R>>"
            % (box.encode(), first + 2 * number + 1, annotations)
        )
        pages.append(_stream(content.encode("latin-1")))
    tree = b"<</Type/Pages/Kids[%s]/Count %d>>" % (kids, len(contents))
    return _file(b"<</Type/Catalog/Pages 2 0 R>>", tree, *shared, *pages)


def latin(*lines: str, top: int = 760, left: int = 72, size: int = 12, mode: int = 0) -> str:
    """Content: lines of Latin text, `top` points from the bottom. `mode`: how they are drawn, 3 = not at all."""
    shown = " T* ".join(f"({line}) Tj" for line in lines)
    return f"BT {mode} Tr /L {size} Tf {left} {top} Td {size + 2} TL {shown} ET\n"


def chinese(*lines: str, top: int = 760) -> str:
    """Content: lines in a font that is not in the file."""
    shown = " T* ".join(f"<{line.encode('utf-16-be').hex()}> Tj" for line in lines)
    return f"BT 0 Tr /C 14 Tf 72 {top} Td 20 TL {shown} ET\n"


def _stream(data: bytes, entries: bytes = b"") -> bytes:
    return b"<<%s/Length %d>>stream\n" % (entries, len(data)) + data + b"\nendstream"


def _file(*objects: bytes) -> bytes:
    out, places = b"%PDF-1.7\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n" % number + body + b"\nendobj\n"
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(objects) + 1
    return out + (
        b"xref\n0 %d\n0000000000 65535 f \n" % size
        + table
        + b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % (size, len(out))
    )
