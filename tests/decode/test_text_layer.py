"""A PDF page's own text, and whether its picture agrees."""

import json
import subprocess
import sys
from pathlib import Path

import pypdfium2
import pytest

from ocr_celery.core.text_layer import TextLayer
from ocr_celery.decode import text_layer
from ocr_celery.decode.text_layer import read_text_layer
from tests.testlib.text_pdf import chinese, latin, text_pdf

PROSE = (
    "First paragraph begins here and goes on to the",
    "second line of it, in which a word is hyphen-",
    "ated, and then it ends.",
)
FIELD = b"<</Type/Annot/Subtype/FreeText/Rect[72 100 300 120]/Contents(seen)/DA(/Helv 12 Tf)>>"
LINK = b"<</Type/Annot/Subtype/Link/Rect[72 100 300 120]>>"
#: as `layer_of`, in a process that finds no font in any folder
WITHOUT_FONTS = """
import ctypes, json, sys
import pypdfium2, pypdfium2.raw as raw
raw.FPDF_DestroyLibrary()
text = ctypes.POINTER(ctypes.c_char)
folders = (text * 2)(ctypes.cast(ctypes.create_string_buffer(sys.argv[2].encode()), text), None)
raw.FPDF_InitLibraryWithConfig(raw.FPDF_LIBRARY_CONFIG(version=2, m_pUserFontPaths=folders))
from ocr_celery.decode.text_layer import read_text_layer
page = pypdfium2.PdfDocument(sys.argv[1])[0]
picture = page.render(scale=1280 / max(page.get_size()), rev_byteorder=True).to_pil().convert("RGB")
layer = read_text_layer(page, picture)
print(json.dumps([layer.text, layer.plausible, layer.fonts_missing]))
"""


def layer_of(data: bytes, *, side: int = 1280) -> TextLayer:
    with pypdfium2.PdfDocument(data) as document:
        page = document[0]
        picture = page.render(scale=side / max(page.get_size()), rev_byteorder=True).to_pil().convert("RGB")
        return read_text_layer(page, picture)


def layer_without_fonts(data: bytes, tmp_path: Path) -> TextLayer:
    (tmp_path / "fonts").mkdir()
    (tmp_path / "page.pdf").write_bytes(data)
    command = [sys.executable, "-c", WITHOUT_FONTS, str(tmp_path / "page.pdf"), str(tmp_path / "fonts")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    text, plausible, fonts_missing = json.loads(done.stdout)
    return TextLayer(text=text, plausible=plausible, fonts_missing=fonts_missing)


def test_a_page_made_on_a_computer_is_read_in_paragraphs_and_is_plausible() -> None:
    layer = layer_of(text_pdf(latin(*PROSE) + latin("Second paragraph.", top=690)))
    assert layer.text == (
        "First paragraph begins here and goes on to the second line of it, in which a word is hyphenated, "
        "and then it ends.\n\nSecond paragraph."
    )
    assert (layer.plausible, layer.fonts_missing) == (True, False)


def test_a_page_without_text_has_no_layer() -> None:
    assert layer_of(text_pdf("0 0 m 300 300 l S")) == TextLayer()


def test_text_for_which_fonts_are_missing_is_told_from_an_empty_page(tmp_path: Path) -> None:
    layer = layer_without_fonts(text_pdf(chinese("中华人民共和国国家标准", "光学字符识别")), tmp_path)
    assert layer.text.replace("\n", "") == "中华人民共和国国家标准光学字符识别"
    assert (layer.plausible, layer.fonts_missing) == (False, True)


def test_fonts_are_missing_where_they_are_for_a_part_of_the_page(tmp_path: Path) -> None:
    layer = layer_without_fonts(text_pdf(latin(*PROSE) + chinese("国家标准光学字符识别", top=500)), tmp_path)
    assert layer.fonts_missing
    assert "国家标准光学字符识别" in layer.text
    assert "hyphenated" in layer.text


def test_latin_text_needs_no_fonts_of_the_machine(tmp_path: Path) -> None:
    layer = layer_without_fonts(text_pdf(latin(*PROSE)), tmp_path)
    assert (layer.plausible, layer.fonts_missing) == (True, False)


def test_the_layer_of_a_scan_is_plausible_where_it_lies_over_the_ink() -> None:
    scan = latin(*PROSE).replace("BT", "BT 0.2 g")
    layer = layer_of(text_pdf(scan + latin(*PROSE, mode=3)))
    assert layer.plausible


def test_the_layer_of_a_scan_is_not_used_where_its_places_carry_no_ink() -> None:
    ink = b"\xff" * 36_000 + b"\x00" * 4_000  # at the bottom of the page
    layer = layer_of(text_pdf("q 595 0 0 842 0 0 cm /I Do Q " + latin(*PROSE, mode=3), picture=ink))
    assert layer == TextLayer()


def test_a_stamp_on_a_scan_does_not_stand_for_the_page() -> None:
    scan = (b"\xff" * 3 + b"\x00") * 10_000
    layer = layer_of(
        text_pdf(
            "q 480 0 0 700 50 50 cm /I Do Q " + latin("Downloaded from an archive on 1 May", top=800), picture=scan
        )
    )
    assert layer.text == "Downloaded from an archive on 1 May"
    assert not layer.plausible


def test_text_that_nobody_sees_is_neither_used_nor_a_want_of_fonts() -> None:
    assert layer_of(text_pdf("1 g " + latin(*PROSE))) == TextLayer()


def test_white_text_on_black_is_seen() -> None:
    assert layer_of(text_pdf("0 0 595 842 re f 1 g " + latin(*PROSE))).plausible


def test_a_font_without_names_of_its_characters_makes_no_text() -> None:
    words = "BT /X 12 Tf 72 700 Td (NAMES OF CHARACTERS THAT NOBODY KNOWS) Tj ET"
    assert layer_of(text_pdf(words)) == TextLayer()


def test_text_outside_the_page_is_no_text_of_it() -> None:
    layer = layer_of(text_pdf(latin(*PROSE) + latin("beside the page", top=900)))
    assert "beside" not in layer.text


@pytest.mark.parametrize(("annotation", "plausible"), [(FIELD, False), (LINK, True), (b"", True)])
def test_a_page_with_text_drawn_beside_its_layer_is_read(annotation: bytes, plausible: bool) -> None:
    assert layer_of(text_pdf(latin(*PROSE), annotations=annotation)).plausible is plausible


UPRIGHT = latin(*PROSE)
TURNED = "q 0 1 -1 0 595 0 cm " + latin(*PROSE, top=500) + " Q"  # upright where the page is shown turned


@pytest.mark.parametrize(
    ("box", "content"),
    [
        ("-100 -100 595 842", UPRIGHT),
        ("0 0 595 842] /CropBox [40 40 560 800", UPRIGHT),
        ("0 0 595 842] /Rotate 90 /X [0", TURNED),
    ],
)
def test_places_are_right_on_pages_that_are_shifted_cropped_or_turned(box: str, content: str) -> None:
    layer = layer_of(text_pdf(content, box=box))
    assert layer.plausible
    assert layer.text.endswith("in which a word is hyphenated, and then it ends.")


def test_text_that_lies_on_its_side_is_read() -> None:
    layer = layer_of(text_pdf(UPRIGHT, box="0 0 595 842] /Rotate 90 /X [0"))
    assert not layer.plausible


@pytest.mark.parametrize(
    "place", ["1e30 0 0 1 72 700", "0 0 0 0 72 700", "1 0 0 1 -3e38 3e38", "1e-30 0 0 1e-30 72 700"]
)
def test_characters_at_impossible_places_are_no_error(place: str) -> None:
    content = UPRIGHT + f"q {place} cm BT /L 12 Tf (anywhere at all) Tj ET Q"
    assert layer_of(text_pdf(content)).text.startswith("First paragraph")


def test_a_layer_of_more_characters_than_a_page_can_have_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_layer, "MAX_CHARACTERS", 100)
    assert layer_of(text_pdf(latin(*PROSE))) == TextLayer()


def test_a_character_beyond_the_first_plane_is_one_character() -> None:
    data = text_pdf("BT /X 12 Tf 72 700 Td (plain words before A and after) Tj ET").replace(b"<E000>", b"<D842DFB7>")
    assert layer_of(data).text == "plain words before \U00020bb7 and after"
