"""A searchable PDF looks like what was given, and its text is found exactly, where it stands, by every reader of PDFs."""

import unicodedata
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import pikepdf
import pytest
from PIL import Image, ImageDraw

from ocr_celery.core.placed_line import DOWNWARDS, LEFTWARDS, UPWARDS, PlacedLine
from ocr_celery.errors import PasswordNeeded, UnreadableDocument, WrongPassword
from ocr_celery.export.pdf_request import PdfRequest
from ocr_celery.export.placed_text import PlacedPage
from ocr_celery.export.searchable_file import write_file
from tests.testlib import pdf_readers
from tests.testlib.text_pdf import latin, text_pdf

TEXTS = (
    "Plain English, with (brackets) and a back\\slash.",
    "中文 第三条 混合 mixed 2024年",
    "emoji 😀🎉 and 𠮷野家",
    "ﬁnal oﬃce naïve Ångström",
)
WIDTH, HEIGHT = 1190, 1684
LINES = [PlacedLine(100, 200 + 100 * n, 900, 240 + 100 * n, text) for n, text in enumerate(TEXTS)]


def _written(
    folder: Path,
    data: bytes,
    kind: str,
    pages: Sequence[PlacedPage],
    *,
    password: str = "",
    name: str = "searchable.pdf",
) -> Path:
    (folder / "source").write_bytes(data)
    (folder / "texts").write_text("".join(page.to_json() + "\n" for page in pages))
    write_file(
        PdfRequest(
            source=folder / "source",
            kind=kind,
            password=password,
            texts=folder / "texts",
            folder=folder,
            target=folder / name,
            max_pixels=10_000_000,
        )
    )
    return folder / name


def _page(number: int = 1, lines: Sequence[PlacedLine] = LINES, size: tuple[int, int] = (WIDTH, HEIGHT)) -> PlacedPage:
    return PlacedPage(number, *size, lines)


def _encoded(picture: Image.Image, format: str = "JPEG", **options: object) -> bytes:
    file = BytesIO()
    picture.save(file, format, **options)
    return file.getvalue()


def _scan(mode: str = "RGB", size: tuple[int, int] = (595, 842)) -> Image.Image:
    picture = Image.new("RGB", size, "white")
    ImageDraw.Draw(picture).ellipse((100, 100, 300, 200), "black" if mode in "L1" else "red")
    return picture.convert(mode)


def _lines(text: str) -> list[str]:
    return [line.strip() for line in unicodedata.normalize("NFKC", text).splitlines() if line.strip()]


SIMPLE = text_pdf("q 0.5 g 50 50 100 100 re f Q")


@pytest.mark.parametrize("reader", pdf_readers.READERS)
def test_every_reader_finds_the_exact_text_in_its_order(tmp_path: Path, reader: str) -> None:
    if reader == "poppler" and pdf_readers.poppler_missing():
        pytest.skip("needs poppler-utils")
    written = _written(tmp_path, SIMPLE, "pdf", [_page()])
    (text,) = pdf_readers.READERS[reader](written)
    assert _lines(text) == _lines("\n".join(TEXTS))


@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
@pytest.mark.parametrize(
    "boxes", ["/MediaBox[0 0 595 842]", "/MediaBox[-47 -20 548 822]/CropBox[0 0 500 700]/UserUnit 2"]
)
@pdf_readers.needs_poppler
def test_the_text_stands_in_its_place_however_the_page_is_turned_and_cropped(
    tmp_path: Path, rotate: int, boxes: str
) -> None:
    data = SIMPLE.replace(b"/MediaBox[0 0 595 842]", f"{boxes}/Rotate {rotate}".encode())
    size = (HEIGHT, WIDTH) if rotate % 180 else (WIDTH, HEIGHT)
    line = PlacedLine(100, 200, 700, 240, "Found")
    written = _written(tmp_path, _repaired(data), "pdf", [_page(1, [line], size)])
    ((word,),) = pdf_readers.words(written)
    place = (100 / size[0], 200 / size[1], 700 / size[0], 240 / size[1])
    assert word[0] == "Found"
    assert word[1:] == pytest.approx(place, abs=0.003)
    assert pdf_readers.pictures(written) == pdf_readers.pictures(tmp_path / "source")


def _repaired(data: bytes) -> bytes:
    """The PDF with the right offsets, after a change of its bytes."""
    file = BytesIO()
    with pikepdf.open(BytesIO(data)) as pdf:
        pdf.save(file)
    return file.getvalue()


@pytest.mark.parametrize("turns", [DOWNWARDS, LEFTWARDS, UPWARDS])
@pdf_readers.needs_poppler
def test_text_that_does_not_run_from_left_to_right_fills_its_box(tmp_path: Path, turns: int) -> None:
    box = (200, 300, 600, 340) if turns == LEFTWARDS else (200, 300, 240, 700)
    written = _written(tmp_path, SIMPLE, "pdf", [_page(1, [PlacedLine(*box, "自上而下", turns)])])
    ((word,),) = pdf_readers.words(written)
    assert word[0] == "自上而下"
    assert word[1:] == pytest.approx([value / (WIDTH, HEIGHT)[n % 2] for n, value in enumerate(box)], abs=0.003)


@pdf_readers.needs_poppler
def test_a_slanted_line_follows_its_slant(tmp_path: Path) -> None:
    line = PlacedLine(100, 400, 1000, 440, "left middle right", slant=0.02)
    ((left, _, right),) = pdf_readers.words(_written(tmp_path, SIMPLE, "pdf", [_page(1, [line])]))
    assert (right[2] - left[2]) * HEIGHT == pytest.approx(0.02 * 750, abs=5)


@pytest.mark.parametrize("content", ["q q q 3 0 0 3 90 90 cm q", "Q Q Q 2 0 0 2 0 0 cm", "BT /L 9 Tf 7 Tr 5 Ts", "("])
@pdf_readers.needs_poppler
def test_a_content_stream_that_leaves_things_in_disorder_moves_no_text(tmp_path: Path, content: str) -> None:
    written = _written(tmp_path, text_pdf(content), "pdf", [_page(1, [PlacedLine(100, 200, 700, 240, "Found")])])
    ((word,),) = pdf_readers.words(written)
    assert word[1:] == pytest.approx((100 / WIDTH, 200 / HEIGHT, 700 / WIDTH, 240 / HEIGHT), abs=0.003)


def test_the_given_pages_keep_all_that_they_have(tmp_path: Path) -> None:
    with pikepdf.open(BytesIO(SIMPLE)) as pdf:
        pdf.pages[0].Resources = pikepdf.Dictionary(
            Font=pikepdf.Dictionary({"/OcrText0": pikepdf.Dictionary(Mine=True)})
        )
        content = pdf.pages[0].Contents.read_bytes()
        pdf.attachments["note.txt"] = pikepdf.AttachedFileSpec(pdf, b"kept", filename="note.txt")
        file = BytesIO()
        pdf.save(file)
    with pikepdf.open(_written(tmp_path, file.getvalue(), "pdf", [_page()])) as pdf:
        page = pdf.pages[0]
        assert page.Contents[-1].read_bytes() == content
        assert page.Resources.Font["/OcrText0"].Mine is True
        assert len(page.Resources.Font) == 4  # one for each plane of Unicode, and its own
        assert pdf.attachments["note.txt"].get_file().read_bytes() == b"kept"
        assert not pdf.check_pdf_syntax()


def test_a_page_that_has_a_text_layer_does_not_get_another(tmp_path: Path) -> None:
    data = text_pdf(latin("A page that has its own text", "from edge to edge", top=700, size=20))
    read = [
        PlacedLine(144, 240, 720, 290, "A page that has its own text"),
        PlacedLine(144, 290, 500, 340, "from edge to edge"),
    ]
    (text,) = pdf_readers.pdfium(_written(tmp_path, data, "pdf", [_page(1, read)]))
    assert _lines(text) == ["A page that has its own text", "from edge to edge"]


def test_a_scan_with_a_stamp_gets_the_rest_of_its_text(tmp_path: Path) -> None:
    data = text_pdf(latin("Scanned by X", top=800, size=20))
    stamp = PlacedLine(144, 60, 390, 92, "Scanned by X")
    (text,) = pdf_readers.pdfium(_written(tmp_path, data, "pdf", [_page(1, [stamp, *LINES[:1]])]))
    assert sorted(_lines(text)) == [TEXTS[0], "Scanned by X"]


def test_pages_without_text_stay_plain_and_in_their_place(tmp_path: Path) -> None:
    data = text_pdf(*["0.5 g 50 50 100 100 re f"] * 3)
    written = _written(tmp_path, data, "pdf", [_page(1), PlacedPage(2, 0, 0), _page(3, LINES[:1])])
    assert [_lines(text) for text in pdf_readers.pdfium(written)] == [_lines("\n".join(TEXTS)), [], [TEXTS[0]]]
    with pikepdf.open(written) as pdf:
        assert isinstance(pdf.pages[1].Contents, pikepdf.Stream)


def test_of_a_range_of_pages_there_is_nothing_of_the_others(tmp_path: Path) -> None:
    data = text_pdf("0.1 g", "0.2 g", "0.3 g", "0.4 g")
    written = _written(tmp_path, data, "pdf", [_page(2, LINES[:1]), _page(4, LINES[1:2])])
    assert [_lines(text) for text in pdf_readers.pdfium(written)] == [[text] for text in TEXTS[:2]]
    with pikepdf.open(written) as pdf:
        streams = [found.read_bytes() for found in pdf.objects if isinstance(found, pikepdf.Stream)]
    assert b"0.2 g" in streams
    assert b"0.4 g" in streams
    assert b"0.1 g" not in streams
    assert b"0.3 g" not in streams


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_a_jpeg_is_there_byte_for_byte_and_looks_as_it_did(tmp_path: Path, mode: str) -> None:
    data = _encoded(_scan(mode))
    written = _written(tmp_path, data, "image", [_page()])
    with pikepdf.open(written) as pdf:
        assert pdf.pages[0].Resources.XObject.Picture.read_raw_bytes() == data
        assert not pdf.check_pdf_syntax()
    red, green, blue = _colour(written, 200 / 595, 150 / 842)
    assert red > 200 or mode == "L"
    assert max(green, blue) < 60
    assert min(_colour(written, 0.9, 0.9)) > 240


def _colour(path: Path, x: float, y: float) -> tuple[int, ...]:
    page = pdf_readers.picture(path)
    return page.convert("RGB").getpixel((int(x * page.width), int(y * page.height)))


@pytest.mark.parametrize("orientation", range(1, 9))
@pdf_readers.needs_poppler
def test_a_photograph_is_upright_without_a_change_of_its_bytes(tmp_path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = Image.new("RGB", (600, 400), "white")
    picture.paste("red", (0, 0, 100, 100))
    data = _encoded(picture, exif=exif.tobytes())
    size = (400, 600) if orientation > 4 else (600, 400)
    written = _written(tmp_path, data, "image", [_page(1, [PlacedLine(100, 50, 300, 80, "upright")], size)])
    right, lower = orientation in {2, 3, 6, 7}, orientation in {3, 4, 7, 8}
    red, green, _ = _colour(written, 0.95 if right else 0.05, 0.95 if lower else 0.05)
    assert (red > 200, green < 60) == (True, True)
    ((word,),) = pdf_readers.words(written)
    assert word[1:] == pytest.approx((100 / size[0], 50 / size[1], 300 / size[0], 80 / size[1]), abs=0.003)


@pytest.mark.parametrize(
    ("mode", "format", "bits"), [("RGB", "PNG", 24), ("L", "PNG", 8), ("1", "TIFF", 1), ("RGB", "WEBP", 24)]
)
def test_another_picture_keeps_each_pixel(tmp_path: Path, mode: str, format: str, bits: int) -> None:
    picture = _scan(mode)
    if mode == "L":
        picture.putpixel((1, 1), 128)
    data = _encoded(picture, format, **({"lossless": True} if format == "WEBP" else {}))
    with pikepdf.open(_written(tmp_path, data, "image", [_page()])) as pdf:
        found = pikepdf.PdfImage(pdf.pages[0].Resources.XObject.Picture)
        assert found.bits_per_component * (3 if found.colorspace == "/DeviceRGB" else 1) == bits
        assert found.as_pil_image().convert("RGB").tobytes() == picture.convert("RGB").tobytes()


def test_the_pages_of_a_tiff_are_pages_and_one_that_is_damaged_is_empty(tmp_path: Path) -> None:
    pages = [Image.new("1", (200 + 10 * n, 100), 1) for n in range(3)]
    data = bytearray(_encoded(pages[0], "TIFF", save_all=True, append_images=pages[1:], compression="tiff_lzw"))
    with Image.open(BytesIO(data)) as tiff:
        tiff.seek(1)
        (offset,) = tiff.tag_v2[273]
    data[offset : offset + 4] = b"\xff" * 4
    written = _written(tmp_path, bytes(data), "tiff", [_page(1), PlacedPage(2, 0, 0), _page(3, LINES[:1])])
    assert [_lines(text) for text in pdf_readers.pdfium(written)] == [_lines("\n".join(TEXTS)), [], [TEXTS[0]]]
    with pikepdf.open(written) as pdf:
        assert [round(float(page.mediabox[3] / page.mediabox[2]), 2) for page in pdf.pages] == [0.5, 1.42, 0.45]


@pytest.mark.parametrize(("given", "error"), [("", PasswordNeeded), ("wrong", WrongPassword)])
def test_a_pdf_with_a_password_needs_it(tmp_path: Path, given: str, error: type[Exception]) -> None:
    file = BytesIO()
    with pikepdf.open(BytesIO(SIMPLE)) as pdf:
        pdf.save(file, encryption=pikepdf.Encryption(user="secret", owner="other"))
    with pytest.raises(error):
        _written(tmp_path, file.getvalue(), "pdf", [_page()], password=given)
    written = _written(tmp_path, file.getvalue(), "pdf", [_page()], password="secret")
    assert _lines(pdf_readers.pdfium(written)[0]) == _lines("\n".join(TEXTS))


@pytest.mark.parametrize("data", [b"%PDF-1.4\n", SIMPLE[:200], b"%PDF-1.7\n" + b"\xff" * 5000])
def test_a_pdf_that_cannot_be_opened_says_so(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(UnreadableDocument):
        _written(tmp_path, data, "pdf", [_page()])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"/Resources 3 0 R", b"/Resources 77    "),
        (b"/Resources 3 0 R", b"/Resources[1 2 3]"),
        (b"/MediaBox[0 0 595 842]", b"/MediaBox[/A (b) 1 <>]"),
        (b"/Contents 12 0 R", b"/Contents 11 0 R"),
        (b"/Contents 12 0 R", b"/Contents[1 0 R]"),
        (b"/Annots[]", b"/Rotate/x"),
    ],
)
def test_nonsense_in_a_page_costs_no_text(tmp_path: Path, old: bytes, new: bytes) -> None:
    assert old in SIMPLE
    written = _written(tmp_path, SIMPLE.replace(old, new), "pdf", [_page()])
    assert _lines(pdf_readers.pypdf(written)[0]) == _lines("\n".join(TEXTS))


@pytest.mark.parametrize(
    ("data", "kind"), [(SIMPLE, "pdf"), (_encoded(_scan()), "image"), (_encoded(_scan(), "PNG"), "image")]
)
def test_the_same_file_twice_is_the_same_bytes(tmp_path: Path, data: bytes, kind: str) -> None:
    first, second = (_written(tmp_path, data, kind, [_page()], name=name).read_bytes() for name in ("a.pdf", "b.pdf"))
    assert first == second


def test_text_for_a_page_that_the_document_does_not_have_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UnreadableDocument):
        _written(tmp_path, SIMPLE, "pdf", [_page(2)])
