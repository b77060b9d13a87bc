import io
import os
import re
import struct
import zipfile
import zlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from ocr_celery.decode import header
from ocr_celery.decode.header import Header, read_header
from ocr_celery.errors import DocumentNotSupported, EmptyFile, NotAnImage, OcrError, TooManyPixels

LIMIT = 1_000_000


def picture(format: str, size: tuple[int, int] = (40, 30), mode: str = "RGB", **options: Any) -> bytes:
    file = io.BytesIO()
    Image.new(mode, size, 1).save(file, format, **options)
    return file.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int) -> bytes:
    ihdr = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", ihdr) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0\0\0\x14ispe" + struct.pack(">III", 0, 512, 512)
HEIC += b"\0\0\0\x14ispe" + struct.pack(">III", 0, 4032, 3024)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP", "AVIF", "JPEG2000"])
def test_every_raster_format_is_known_by_its_bytes(format: str) -> None:
    assert read_header(picture(format), max_pixels=LIMIT) == Header(format, 40, 30)


@pytest.mark.parametrize("options", [{"lossless": True}, {"lossless": False}, {"exif": b"Exif\0\0II*\0\x08\0\0\0\0\0"}])
def test_every_kind_of_webp_tells_its_size(options: dict[str, Any]) -> None:
    assert read_header(picture("WEBP", **options), max_pixels=LIMIT) == Header("WEBP", 40, 30)


@pytest.mark.parametrize("options", [{"big_tiff": True}, {"compression": "tiff_lzw"}, {"tiffinfo": {315: "x" * 9000}}])
def test_every_kind_of_tiff_tells_its_size(options: dict[str, Any]) -> None:
    assert read_header(picture("TIFF", **options), max_pixels=LIMIT) == Header("TIFF", 40, 30)


def test_a_big_endian_tiff_tells_its_size() -> None:
    tags = struct.pack(">H HHIHH HHII", 2, 256, 3, 1, 40, 0, 257, 4, 1, 30)
    assert read_header(b"MM\0*\0\0\0\x08" + tags, max_pixels=LIMIT) == Header("TIFF", 40, 30)


def test_a_jpeg_is_measured_behind_large_segments() -> None:
    plain = picture("JPEG", progressive=True)
    wrapped = plain[:2] + b"\xff\xfe\xff\xff".ljust(65537, b" ") * 3 + b"\xff\xff\xff" + plain[2:]
    assert read_header(wrapped, max_pixels=LIMIT) == Header("JPEG", 40, 30)


def test_a_heic_is_as_large_as_its_largest_part() -> None:
    assert read_header(HEIC, max_pixels=10**8) == Header("HEIF", 4032, 3024)


def test_a_heic_is_no_image_where_nothing_reads_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(header, "supports_heif", lambda: False)
    with pytest.raises(NotAnImage):
        read_header(HEIC, max_pixels=LIMIT)


def test_a_bare_jpeg_2000_codestream_tells_its_size() -> None:
    assert read_header(picture("JPEG2000", no_jp2=True), max_pixels=LIMIT) == Header("JPEG2000", 40, 30)


def test_the_size_of_a_codestream_is_without_its_offset() -> None:
    start = b"\xff\x4f\xff\x51\0\x2f\0\0"
    assert read_header(start + struct.pack(">IIII", 100, 90, 60, 60), max_pixels=LIMIT) == Header("JPEG2000", 40, 30)


def test_a_jpeg_with_more_segments_than_real_files_before_its_size_is_not_an_image() -> None:
    plain = picture("JPEG")
    comments = b"\xff\xfe\0\2"
    assert read_header(plain[:2] + comments * 4000 + plain[2:], max_pixels=LIMIT) == Header("JPEG", 40, 30)
    with pytest.raises(NotAnImage):
        read_header(plain[:2] + comments * 5000 + plain[2:], max_pixels=LIMIT)


def test_a_generic_heif_brand_with_av1_inside_is_avif() -> None:
    data = b"\0\0\0\x1cftypmif1\0\0\0\0mif1avifmiaf" + b"\0\0\0\x14ispe" + struct.pack(">III", 0, 8, 9)
    assert read_header(data, max_pixels=LIMIT) == Header("AVIF", 8, 9)


def test_nothing_is_an_empty_file() -> None:
    with pytest.raises(EmptyFile):
        read_header(b"", max_pixels=LIMIT)


@pytest.mark.parametrize("data", [b"%PDF-1.7\n", b"\xef\xbb\xbf%PDF-1.4", b"junk\n" * 100 + b"%PDF-1.4"])
def test_a_pdf_is_known(data: bytes) -> None:
    found = read_header(data, max_pixels=LIMIT)
    assert found == Header("PDF", 0, 0)
    assert found.is_document


def test_a_tiff_may_be_a_document_and_an_animation_is_none() -> None:
    assert read_header(picture("TIFF"), max_pixels=LIMIT).is_document
    assert not read_header(picture("GIF"), max_pixels=LIMIT).is_document


def zipped(*members: str, mimetype: str = "") -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        if mimetype:
            archive.writestr("mimetype", mimetype, zipfile.ZIP_STORED)
        for name in members:
            archive.writestr(name, os.urandom(100_000))  # so that the names stand far apart
    return file.getvalue()


SOFFICE = "soffice --headless --convert-to pdf FILE"


@pytest.mark.parametrize(
    ("data", "format", "command"),
    [
        (zipped("[Content_Types].xml", "_rels/.rels", "word/document.xml"), "docx", SOFFICE),
        (zipped("xl/workbook.xml", "docProps/app.xml", "[Content_Types].xml"), "xlsx", SOFFICE),
        (zipped("[Content_Types].xml", "docProps/app.xml", "ppt/presentation.xml"), "pptx", SOFFICE),
        (zipped("content.xml", mimetype="application/vnd.oasis.opendocument.text"), "odt", SOFFICE),
        (zipped("OEBPS/toc.ncx", mimetype="application/epub+zip"), "EPUB", "ebook-convert FILE.epub FILE.pdf"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512), "doc", SOFFICE),
        (b"{\\rtf1\\ansi Hello}", "RTF", SOFFICE),
        (b"AT&TFORM\0\0\1\0DJVMDIRM", "DjVu", "ddjvu -format=pdf FILE.djvu FILE.pdf"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "PostScript", "ps2pdf FILE"),
        (b"\xc5\xd0\xd3\xc6" + bytes(30), "PostScript", "ps2pdf FILE"),
    ],
)
def test_who_sends_a_document_of_another_format_learns_how_to_convert_it(
    data: bytes, format: str, command: str
) -> None:
    file = Counted(data)
    with pytest.raises(DocumentNotSupported, match=re.escape(format)) as raised:
        read_header(file, max_pixels=LIMIT)
    assert raised.value.message.endswith(f": {command}")
    assert file.tell() == 0
    assert file.got < 200_000


def test_a_document_is_told_by_the_names_of_its_members_not_by_their_contents() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in ("[Content_Types].xml", "ppt/presentation.xml"):
            archive.writestr(name, b"word/ and xl/ by chance")
    with pytest.raises(DocumentNotSupported, match="pptx"):
        read_header(file.getvalue(), max_pixels=LIMIT)


def test_any_other_zip_file_is_no_document() -> None:
    with pytest.raises(NotAnImage):
        read_header(zipped("word/list.txt", "a.png"), max_pixels=LIMIT)


def test_an_image_that_mentions_pdf_is_an_image() -> None:
    plain = picture("JPEG")
    data = plain[:2] + b"\xff\xfe\0\x0a%PDF-1.4" + plain[2:]
    assert read_header(data, max_pixels=LIMIT).format == "JPEG"


@pytest.mark.parametrize(
    "data",
    [
        b"x",
        b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>",
        b"<?xml version='1.0'?><svg/>",
        b"<!doctype html><html></html>",
        b"8BPS\0\x01" + bytes(40),
        b"P6 9 9 255\n" + bytes(243),
        b"\0\0\x01\0\x01\0" + bytes(40),
        b"BM are my initials, and this is a letter",
        b"\x89PNG\r\n\x1a\n",
        b"\xff\xd8\xff",
        b"\xff\xd8\xff\xd9",
        b"\xff\xd8\xff\xe0\0\x04ab<html>",
        b"GIF89a",
        b"II*\0\xff\xff\xff\xff",
        b"II*\0\x08\0\0\0\0\0",
        b"II+\0\x08\0\0\0" + b"\xff" * 8,
        b"RIFF\0\0\0\0WEBPVP8 ",
        b"RIFF\0\0\0\0WAVEfmt ",
        b"\0\0\0\x18ftypheic",
        b"\0\0\0\x18ftypmp42" + bytes(40),
        b"\0\0\0\x0cjP  \r\n\x87\n",
    ],
)
def test_anything_else_is_not_an_image(data: bytes) -> None:
    with pytest.raises(NotAnImage):
        read_header(data, max_pixels=LIMIT)


@pytest.mark.parametrize("data", [png(0, 5), b"GIF89a\0\0\0\0\0\0\0"])
def test_a_picture_without_pixels_is_not_an_image(data: bytes) -> None:
    with pytest.raises(NotAnImage):
        read_header(data, max_pixels=LIMIT)


def test_too_many_pixels_are_refused_with_both_numbers_and_without_a_warning() -> None:
    with pytest.raises(TooManyPixels, match=r"900000000 pixels.* 1000000\."):  # a warning would be an error here
        read_header(png(30_000, 30_000), max_pixels=LIMIT)


def test_exactly_as_many_pixels_as_allowed_are_accepted() -> None:
    assert read_header(png(1000, 1000), max_pixels=LIMIT).pixels == LIMIT


class Counted(io.BytesIO):
    got = 0

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self.got += len(data)
        return data


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP", "JPEG2000"])
def test_of_a_big_file_only_the_head_is_read_and_it_is_rewound(format: str) -> None:
    file = Counted(picture(format) + bytes(3_000_000))
    file.seek(7)
    assert read_header(file, max_pixels=LIMIT) == Header(format, 40, 30)
    assert file.got < 300_000
    assert file.tell() == 0


def test_a_refused_file_is_rewound_too() -> None:
    file = io.BytesIO(b"<html>")
    with pytest.raises(NotAnImage):
        read_header(file, max_pixels=LIMIT)
    assert file.tell() == 0


SIGNATURES = [picture(format)[:60] for format in ("JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP", "AVIF", "JPEG2000")]


STARTS = [*SIGNATURES, HEIC, b"II+\0", b"MM\0*", b"%PDF-", b"PK\3\4", b"{\\rtf"]


@settings(deadline=None)
@given(st.sampled_from(STARTS), st.integers(0, 60), st.binary(max_size=80))
def test_no_bytes_raise_anything_but_a_refusal(start: bytes, keep: int, rest: bytes) -> None:
    try:
        found = read_header(start[:keep] + rest, max_pixels=LIMIT)
    except OcrError:
        return
    assert 0 < found.pixels <= LIMIT or found == Header("PDF", 0, 0)
