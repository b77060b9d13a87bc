"""From what the CPU engine answers to the words of a PDF: each is found on the line where it was read."""

import json
from collections.abc import Iterator
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from ocr_celery.export.searchable_pdf import write_searchable_pdf
from tests.testlib import pdf_readers
from tests.testlib.export_job import GivenJob

SIZE = (1240, 1754)
RAW = r"""<|ref|>sub_title<|/ref|><|det|>[[75, 54, 459, 81]]<|/det|>
Application for a berth

<|ref|>text<|/ref|><|det|>[[70, 128, 682, 182]]<|/det|>
1 Applicant
Name: MARIA EXAMPLE  Born: 12.04.1979

<|ref|>table<|/ref|><|det|>[[78, 312, 921, 370]]<|/det|>
<table><tr><td>Name of the vessel</td><td>Length, m</td></tr><tr><td>SEA THRIFT</td><td>9.40</td></tr></table>

<|ref|>text<|/ref|><|det|>[[97, 491, 512, 512]]<|/det|>
\]with electricity  with water

<|ref|>text<|/ref|><|det|>[[71, 556, 924, 615]]<|/det|>
I have read the rules of the harbour and accept them. The vessel is insured for the whole time of the stay.

<|ref|>text<|/ref|><|det|>[[72, 640, 380, 660]]<|/det|>
各测站的平均水位、最高水位见下表。"""
LINES = """[[93, 96, 569, 141, "Application for a berth", 0, -0.0058], [88, 226, 255, 267, "1 Applicant", 0, 0.0],
[90, 288, 400, 319, "Name: MARIA EXAMPLE", 0, 0.0], [630, 286, 845, 319, "Born: 12.04.1979", 0, -0.0127],
[107, 556, 328, 588, "Name of the vessel", 0, 0.0], [674, 554, 800, 592, "Length, m", 0, 0.0],
[108, 608, 269, 640, "SEA THRIFT", 0, 0.0],
[674, 604, 743, 645, "9.40", 0, 0.0],
[121, 866, 285, 899, "]with electricity", 0, 0.0], [352, 865, 474, 898, "with water", 0, 0.0],
[90, 977, 1040, 1009, "I have read the rules of the harbour and accept them. The vessel is insured", 0, 0.0],
[89, 1012, 480, 1043, "for the whole time of the stay.", 0, 0.0],
[90, 1123, 470, 1158, "各测站的平均水位、最高水位见下表。", 0, 0.0]]"""


def _written(folder: Path, **lines: object) -> list[pdf_readers.Word]:
    """The words of the PDF of a scan, at its pixels; on the scan the lines are where they were read."""
    page = Image.new("L", SIZE, "white")
    for left, top, right, bottom, text, *_ in json.loads(LINES):
        font = ImageFont.load_default(bottom - top - 8)
        ink = Image.new("L", (round(font.getlength(text)) + 1, bottom - top), "white")
        ImageDraw.Draw(ink).text((0, 0), text if text.isascii() else "■" * len(text), "black", font)
        page.paste(ink.resize((right - left, bottom - top)), (left, top))
    page.save(folder / "scan.png")
    result = {"text": RAW, "width": SIZE[0], "height": SIZE[1], "verdict": "ok", **lines}
    (found,) = pdf_readers.words(write_searchable_pdf(GivenJob(folder / "scan.png", "image", [result], folder)))
    return found


def _read_words() -> Iterator[tuple[str, tuple[int, int, int, int]]]:
    for *box, text, _, _ in json.loads(LINES):
        for word in text.split():
            yield word, (box[0], box[1], box[2], box[3])


def _places(found: list[pdf_readers.Word], word: str) -> list[tuple[float, float, float, float]]:
    return [
        (left * SIZE[0], top * SIZE[1], right * SIZE[0], bottom * SIZE[1])
        for text, left, top, right, bottom in found
        if text == word
    ]


@pdf_readers.needs_poppler
def test_each_word_is_found_on_the_line_where_the_engine_read_it(tmp_path: Path) -> None:
    found = _written(tmp_path, lines=json.loads(LINES))
    for word, (left, top, right, bottom) in _read_words():
        assert any(
            left - 8 <= place[0] < place[2] <= right + 8 and top - 8 <= place[1] < place[3] <= bottom + 8
            for place in _places(found, word)
        ), word
    assert len(found) == len(list(_read_words()))


@pdf_readers.needs_poppler
def test_of_blocks_alone_each_word_is_found_in_the_row_that_its_ink_shows(tmp_path: Path) -> None:
    found, read = _written(tmp_path), list(_read_words())
    assert sorted(word for word, *_ in found) == sorted(word for word, _ in read)
    in_row = [
        any(top <= (place[1] + place[3]) / 2 <= bottom for place in _places(found, word))
        for word, (_, top, _, bottom) in read
    ]
    assert sum(in_row) / len(in_row) > 0.9  # where a line breaks is found by widths, which fonts have their own
