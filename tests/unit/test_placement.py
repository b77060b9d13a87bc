"""The text of a page is placed on its lines: those of the engine, or those that the ink of its blocks shows."""

from collections.abc import Sequence

import pytest
from PIL import Image, ImageDraw, ImageFont, ImageOps

from ocr_celery.core.placed_line import DOWNWARDS, PlacedLine
from ocr_celery.core.result_page import ResultPage
from ocr_celery.errors import PageDeadline
from ocr_celery.export.placement import place_text
from tests.testlib.export_job import block_result, line_result

WIDTH, HEIGHT = 1200, 1600
LINES = (
    "Some lines of a paragraph that is printed on",
    "a page and has been read as a single block of",
    "text: where it was broken nobody has said, but",
    "its ink shows it.",
)
FONT = ImageFont.load_default(34)
PITCH = 48


def _paragraph(lines: Sequence[str] = LINES, *, left: int = 100, top: int = 200, pitch: int = PITCH) -> Image.Image:
    page = Image.new("RGB", (WIDTH, HEIGHT), "white")
    draw = ImageDraw.Draw(page)
    for number, line in enumerate(lines):
        draw.text((left, top + number * pitch), line, "black", FONT)
    return page


def _block(text: str, box: tuple[int, int, int, int], label: str = "text") -> str:
    left, upper, right, lower = box
    per_mille = [left * 999 // WIDTH, upper * 999 // HEIGHT, -(-right * 999 // WIDTH), -(-lower * 999 // HEIGHT)]
    return f"<|ref|>{label}<|/ref|><|det|>[{per_mille}]<|/det|>\n{text}\n\n"


def _place(raw: str, picture: Image.Image) -> list[PlacedLine]:
    return place_text(ResultPage(1, block_result(WIDTH, HEIGHT, raw)), lambda: picture)


def _no_picture() -> Image.Image:
    raise AssertionError("no picture is needed")


BOX = (95, 195, 1000, 200 + len(LINES) * PITCH)


@pytest.mark.parametrize("scale", [1.0, 0.6, 1.5])
def test_the_lines_of_a_block_are_found_by_its_ink_at_any_size_of_the_picture(scale: float) -> None:
    picture = _paragraph().resize((int(WIDTH * scale), int(HEIGHT * scale)))
    found = _place(_block(" ".join(LINES), BOX), picture)
    assert [line.text for line in found] == list(LINES)
    for number, line in enumerate(found):
        middle = 200 + number * PITCH + 21
        assert line.top < middle < line.bottom
        assert abs((line.top + line.bottom) / 2 - middle) < 10
        assert abs(line.left - 100) < 8
    assert found[3].right < found[2].right - 300


def test_white_text_on_a_dark_page_is_found_too() -> None:
    found = _place(_block(" ".join(LINES), BOX), ImageOps.invert(_paragraph()))
    assert [line.text for line in found] == list(LINES)


def test_a_last_line_of_one_word_is_found() -> None:
    lines = (*LINES[:3], "it.")
    found = _place(_block(" ".join(lines), BOX), _paragraph(lines))
    assert [line.text for line in found] == list(lines)


def test_lines_that_touch_are_told_apart() -> None:
    found = _place(_block(" ".join(LINES), (95, 195, 1000, 340)), _paragraph(pitch=33))
    assert [line.text for line in found] == list(LINES)


def test_a_block_without_ink_has_as_many_lines_as_its_text_needs() -> None:
    found = _place(_block(" ".join(LINES), BOX), Image.new("RGB", (WIDTH, HEIGHT), "grey"))
    assert 3 <= len(found) <= 5
    assert " ".join(line.text for line in found) == " ".join(LINES)
    assert all(BOX[1] - 2 <= line.top < line.bottom <= BOX[3] + 2 for line in found)


def test_the_rows_of_a_table_stand_on_its_rows_and_its_cells_where_gaps_part_them() -> None:
    page = Image.new("RGB", (WIDTH, HEIGHT), "white")
    draw = ImageDraw.Draw(page)
    rows = (("Item", "Price"), ("Apples and pears", "1.20"), ("Bread", "3.50"))
    for number, (first, second) in enumerate(rows):
        draw.line((100, 290 + number * 80, 1000, 290 + number * 80), "black", 3)
        draw.text((110, 310 + number * 80), first, "black", FONT)
        draw.text((800, 310 + number * 80), second, "black", FONT)
    for x in (100, 700, 1000):
        draw.line((x, 290, x, 530), "black", 3)
    html = "".join(f"<tr><td>{first}</td><td>{second}</td></tr>" for first, second in rows)
    found = _place(_block(f"<table>{html}</table>", (95, 285, 1005, 535), "table"), page)
    assert [line.text for line in found] == [cell for row in rows for cell in row]
    for number, line in enumerate(found):
        assert line.top < 310 + number // 2 * 80 + 20 < line.bottom
        assert abs(line.left - (110, 800)[number % 2]) < 10


def test_text_without_a_place_is_spread_over_the_ink_of_the_page() -> None:
    found = _place(" ".join(LINES), _paragraph())
    assert [line.text for line in found] == list(LINES)
    assert 190 < found[0].top < found[-1].bottom < 400


def test_text_in_a_tall_box_runs_down_in_columns_from_right_to_left() -> None:
    found = _place(_block("唧唧复唧唧木兰当户织不闻机杼声唯闻女叹息", (500, 100, 600, 600)), _paragraph())
    assert {line.turns for line in found} == {DOWNWARDS}
    assert "".join(line.text for line in found) == "唧唧复唧唧木兰当户织不闻机杼声唯闻女叹息"
    assert [line.left for line in found] == sorted((line.left for line in found), reverse=True)


def test_the_engine_s_own_lines_are_taken_as_they_are() -> None:
    lines = [PlacedLine(10, 20, 300, 50, "a line", 0, 0.01), PlacedLine(10, 60, 300, 90, "another")]
    assert place_text(ResultPage(1, line_result(WIDTH, HEIGHT, *lines)), _no_picture) == lines


@pytest.mark.parametrize(
    "box", [(0, 0, 0, 0), (500, 500, 500, 900), (-50, -60, 5000, 9000), (1100, 1500, 1300, 1700), (3, 3, 4, 4)]
)
def test_a_box_that_is_empty_or_reaches_over_the_page_costs_no_text(box: tuple[int, int, int, int]) -> None:
    found = _place(_block(" ".join(LINES), box) + _block("the end", BOX), _paragraph())
    assert " ".join(line.text for line in found) == " ".join([*LINES, "the end"])
    assert all(0 <= line.left < line.right <= WIDTH and 0 <= line.top < line.bottom <= HEIGHT for line in found)


@pytest.mark.parametrize("result", [None, PageDeadline(), block_result(WIDTH, HEIGHT, ""), block_result(0, 0, "text")])
def test_a_page_that_failed_or_has_no_text_or_size_has_no_lines(result: object) -> None:
    assert place_text(ResultPage(1, result), _no_picture) == []  # type: ignore[arg-type]
