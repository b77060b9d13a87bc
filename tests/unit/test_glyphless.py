"""The font of invisible text is a font that everybody can read, and its codes are any character of Unicode."""

import re
from io import BytesIO
from itertools import pairwise

from fontTools.ttLib import TTFont
from hypothesis import given
from hypothesis import strategies as st

from ocr_celery.export import glyphless


def test_the_font_is_sound_and_its_glyphs_have_a_size_but_draw_nothing() -> None:
    font = TTFont(BytesIO(glyphless.font_program()), checkChecksums=2)
    _, narrow, wide = font.getGlyphOrder()
    glyphs = font["glyf"]
    sizes = [(glyphs[name].xMin, glyphs[name].yMin, glyphs[name].xMax, glyphs[name].yMax) for name in (narrow, wide)]
    assert sizes == [(0, -200, 500, 800), (0, -200, 1000, 800)]
    assert all(len(contour) == 1 for name in (narrow, wide) for contour in _contours(glyphs[name]))
    assert [font["hmtx"][name][0] for name in (narrow, wide)] == [500, 1000]


def _contours(glyph: object) -> list[list[object]]:
    points, ends = list(glyph.coordinates), [-1, *glyph.endPtsOfContours]  # type: ignore[attr-defined]
    return [points[start + 1 : end + 1] for start, end in pairwise(ends)]


@given(st.text())
def test_the_table_of_a_font_leads_from_codes_back_to_the_text(text: str) -> None:
    found = ""
    for plane, codes in glyphless.runs(text):
        table = _table(glyphless.to_unicode(plane, codes[::2]).decode())
        found += "".join(table[codes[at : at + 2]] for at in range(0, len(codes), 2))
    assert found == "".join("\ufffd" if 0xD800 <= ord(c) < 0xE000 else c for c in text)


def _table(cmap: str) -> dict[bytes, str]:
    found = {}
    for first, last, target in re.findall(r"<(....)> <(....)> <(.+)>\n", cmap):
        assert first[:2] == last[:2], "a range may differ in its last byte only"
        start = int.from_bytes(bytes.fromhex(target)[-2:])
        for step in range(256):
            units = bytes.fromhex(target)[:-2] + (start + step).to_bytes(2)
            found[(int(first, 16) + step).to_bytes(2)] = units.decode("utf-16-be", "surrogatepass")
    return found


def test_a_table_has_as_many_ranges_in_a_section_as_is_allowed() -> None:
    sections = [
        int(number) for number in re.findall(r"(\d+) beginbfrange", glyphless.to_unicode(0, range(256)).decode())
    ]
    assert sections == [100, 100, 56]


def test_widths_are_those_of_print() -> None:
    assert glyphless.text_width("iiii") < glyphless.text_width("nnnn") < glyphless.text_width("中文中文")
    assert glyphless.text_width("e\u0301") == glyphless.text_width("e")
    assert glyphless.text_width("😀") == 1000


@given(st.text())
def test_what_is_written_has_no_control_characters_and_single_spaces(text: str) -> None:
    written = glyphless.visible(text)
    assert written == " ".join(written.split())
    assert not re.search(r"[\x00-\x1f\x7f-\x9f]", written)
    assert set(written) <= set(text) | {" "}


def test_wide_characters_have_the_wide_glyph() -> None:
    basic, beyond = glyphless.glyph_map(0), glyphless.glyph_map(1)
    glyph = {character: basic[2 * ord(character) + 1] for character in "a中。"}
    assert glyph == {"a": 1, "中": 2, "。": 2}
    assert (len(basic), set(beyond[1::2])) == (131072, {2})
