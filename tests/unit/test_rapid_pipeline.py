"""A page is turned upright, read, put in order and worded; the places are those of the page as it was given."""

import re

import numpy as np
import pytest
from PIL import Image as Pillow
from PIL import ImageDraw

from ocr_celery.core import grounding
from ocr_celery.core.placed_line import DOWNWARDS, RIGHTWARDS
from ocr_celery.engine.rapid.geometry import Line
from ocr_celery.engine.rapid.layout_model import Region
from ocr_celery.engine.rapid.line_places import place_line, reading_sequence
from ocr_celery.engine.rapid.models import MAX_SIDE
from ocr_celery.engine.rapid.orientation import Boxes, Image
from ocr_celery.engine.rapid.pipeline import read_page
from tests.testlib.line_models import PlannedModels

PLAN = [
    ("A title of the page", (40.0, 30.0, 360.0, 70.0)),
    ("the first line of a paragraph that is", (40.0, 120.0, 360.0, 140.0)),
    ("followed by a second one of the same", (40.0, 144.0, 360.0, 164.0)),
    ("and a last one that is as long too.", (40.0, 168.0, 360.0, 188.0)),
    ("Another paragraph stands further down,", (40.0, 240.0, 360.0, 260.0)),
    ("and it has two lines that are long.", (40.0, 264.0, 360.0, 284.0)),
]
TEXT = """A title of the page

the first line of a paragraph that is followed by a second one of the same and a last one that is as long too.

Another paragraph stands further down, and it has two lines that are long."""


@pytest.mark.parametrize("turned", range(4))
def test_a_page_is_read_however_it_lies(turned: int) -> None:
    models = PlannedModels(PLAN)
    assert read_page(models, models.page(turned=turned), blocks=False).text == TEXT


@pytest.mark.parametrize(
    ("turned", "box"),
    [(0, (99, 49, 900, 117)), (1, (49, 99, 117, 900)), (2, (99, 882, 900, 950)), (3, (882, 99, 950, 900))],
)
def test_blocks_have_their_places_on_the_page_as_it_was_given(turned: int, box: tuple[int, int, int, int]) -> None:
    models = PlannedModels(PLAN)
    title, *rest = grounding.parse_blocks(read_page(models, models.page(turned=turned), blocks=True).text)
    assert (title.label, title.boxes, title.text) == ("title", (box,), "A title of the page")
    assert [block.label for block in rest] == ["text", "text"]


@pytest.mark.parametrize("turned", range(4))
def test_each_line_keeps_its_place_on_the_page_as_it_was_given(turned: int) -> None:
    models = PlannedModels(PLAN)
    page = models.page(turned=turned)
    lines = read_page(models, page, blocks=True).lines
    assert [line.text for line in lines] == [text for text, _ in PLAN]
    assert {line.turns for line in lines} == {-turned % 4}
    left, top, right, bottom = _turned(PLAN[1][1], page.size, turned)
    assert lines[1][:4] == pytest.approx((left, top, right, bottom), abs=3)


def _turned(box: tuple[float, ...], size: tuple[int, int], turns: int) -> tuple[float, ...]:
    """The box of the upright page on one that was turned so many quarters to the left, of this size."""
    width, height = size if turns % 2 == 0 else size[::-1]
    left, top, right, bottom = box
    for _ in range(turns):
        left, top, right, bottom = top, width - right, bottom, width - left
        width, height = height, width
    return left, top, right, bottom


@pytest.mark.parametrize(("turned", "box"), [(0, (99, 499, 900, 666)), (1, (499, 99, 666, 900))])
def test_a_figure_that_the_layout_model_sees_is_a_block_with_its_place(
    turned: int, box: tuple[int, int, int, int]
) -> None:
    models = PlannedModels(PLAN, regions=[Region("figure", (40.0, 300.0, 360.0, 400.0), 0.9)])
    blocks = grounding.parse_blocks(read_page(models, models.page(turned=turned), blocks=True).text)
    assert [block.boxes for block in blocks if block.label == "image"] == [(box,)]


def test_a_page_with_few_lines_has_nothing_to_arrange_and_the_layout_model_is_not_asked() -> None:
    models = PlannedModels(PLAN[:5], regions=[Region("figure", (40.0, 300.0, 360.0, 400.0), 0.9)])
    assert "image" not in read_page(models, models.page(), blocks=True).text


def test_a_page_on_its_head_that_the_classifier_takes_for_upright_is_turned_when_it_reads_poorly() -> None:
    models = PlannedModels(PLAN, sees_inversion=False)
    assert read_page(models, models.page(turned=2), blocks=False).text == TEXT


def test_a_poor_page_that_reads_no_better_inverted_stays_as_it_is() -> None:
    models = PlannedModels(PLAN, sure=0.6)
    assert read_page(models, models.page(), blocks=False).text == TEXT


def test_a_line_read_with_little_confidence_is_noise() -> None:
    models = PlannedModels([*PLAN, ("x~x", (40.0, 400.0, 360.0, 420.0))], scores={"x~x": 0.49})
    assert read_page(models, models.page(), blocks=False).text == TEXT


def test_a_reading_says_how_much_of_the_page_is_doubtful() -> None:
    models = PlannedModels([*PLAN, ("x~x", (40.0, 400.0, 360.0, 420.0))], scores={"x~x": 0.3, PLAN[0][0]: 0.9})
    sizes = [len(text.replace(" ", "")) for text, _ in models.plan]
    share = read_page(models, models.page(), blocks=False).doubtful_share
    assert share == pytest.approx((sizes[0] + sizes[-1]) / sum(sizes))


@pytest.mark.parametrize("turned", [0, 1, 2])
def test_lines_are_found_on_a_smaller_picture_and_read_from_the_page_as_it_was_given(turned: int) -> None:
    class Sharper(PlannedModels):
        """Reads lines of the page as given only; lines of the smaller picture show no more than which way up they are."""

        def crop_lines(self, image: Image, boxes: Boxes) -> list[Image]:
            if max(image.shape) <= MAX_SIDE:
                return super().crop_lines(image, boxes)
            assert (image.shape, image[0, 0].sum() < 100) == ((2560, 1600, 3), True)  # it is upright
            assert boxes[0].tolist() == [[160, 120], [1440, 120], [1440, 280], [160, 280]]
            return [np.where(crop == 100, 200, crop) for crop in super().crop_lines(image, boxes / 2)]

        def _recognize(self, crop: Image) -> tuple[str, float]:
            return ("A better title", 0.99) if (crop == 200).any() else super()._recognize(crop)

    plan = [(text, (2 * left, 2 * top, 2 * right, 2 * bottom)) for text, (left, top, right, bottom) in PLAN]
    models = Sharper(plan, size=(800, 1280))
    small = models.page(turned=turned)
    page = small.resize((2 * small.width, 2 * small.height), Pillow.Resampling.NEAREST)
    found = read_page(models, page, blocks=False)
    assert found.text == TEXT.replace("A title of the page", "A better title")
    expected = _turned((160, 120, 1440, 280), page.size, turned)
    assert found.lines[0][:4] == pytest.approx(expected, abs=3)


def test_a_page_without_text_is_an_empty_text() -> None:
    models = PlannedModels([])
    assert read_page(models, models.page(), blocks=False).text == ""
    assert read_page(models, models.page(), blocks=True).text == ""


def test_a_table_drawn_on_the_page_is_found_where_its_text_is() -> None:
    rows = [("one", "1"), ("two", "2"), ("three", "3")]
    plan = [
        (text, (60.0 + 150 * column, 60.0 + 40 * row, 140.0 + 150 * column, 80.0 + 40 * row))
        for row, texts in enumerate(rows)
        for column, text in enumerate(texts)
    ]
    models = PlannedModels(plan)
    page = models.page()
    draw = ImageDraw.Draw(page)
    for n in range(4):
        draw.line((50, 50 + 40 * n, 350, 50 + 40 * n), "black", 2)
    for n in range(3):
        draw.line((50 + 150 * n, 50, 50 + 150 * n, 170), "black", 2)
    assert read_page(models, page, blocks=False).text == "one\t1\ntwo\t2\nthree\t3"
    (table,) = grounding.parse_blocks(read_page(models, page, blocks=True).text)
    assert table.text == (
        "<table><tr><td>one</td><td>1</td></tr><tr><td>two</td><td>2</td></tr><tr><td>three</td><td>3</td></tr></table>"
    )


def test_a_slanted_page_is_read_straight_and_without_its_drawn_lines() -> None:
    class Slanted(PlannedModels):
        def detect_lines(self, image: Image) -> Boxes:
            boxes = super().detect_lines(image)
            boxes[:, 1:3, 1] += 0.02 * (boxes[:, 1:3, 0] - boxes[:, :1, 0])
            return boxes

    models = Slanted(PLAN)
    page = models.page()
    ImageDraw.Draw(page).line((200, 20, 200, 580), "black", 2)
    assert read_page(models, page, blocks=False).text == TEXT


def test_a_large_page_is_scaled_down_before_lines_are_looked_for() -> None:
    seen = []

    class Measuring(PlannedModels):
        def detect_lines(self, image: Image) -> Boxes:
            seen.append(image.shape)
            return np.zeros((0, 4, 2), np.float32)

        def crop_lines(self, *_: object) -> list[Image]:
            return []

    read_page(Measuring([]), Pillow.new("RGB", (4000, 2000)), blocks=False)
    assert set(seen) == {(640, 1280, 3)}


def test_a_page_of_another_colour_mode_is_read_as_rgb() -> None:
    models = PlannedModels(PLAN)
    text = read_page(models, models.page().convert("L"), blocks=False).text
    assert re.match("A title", text)


def test_lines_that_run_down_and_slanted_ones_are_kept_as_such() -> None:
    size, slanted = (400, 600), [(40.0, 100.0), (340.0, 106.0), (339.6, 126.0), (39.6, 120.0)]
    column = [(300.0, 200.0), (320.0, 200.0), (320.0, 400.0), (300.0, 400.0)]
    line = place_line(slanted, " a slanted line ", 0.0, size, 0)
    assert (line.text, line.turns, round(line.slant, 3)) == ("a slanted line", RIGHTWARDS, 0.02)
    assert (round(line.right - line.left), round(line.bottom - line.top)) == (300, 20)
    assert place_line(column, "自上而下", 0.0, size, 0)[:6] == (300, 200, 320, 400, "自上而下", DOWNWARDS)
    assert place_line(column, "自上而下", 0.0, size, 3).turns == RIGHTWARDS


def test_columns_are_in_order_from_right_to_left_and_lines_outside_of_all_parts_come_last() -> None:
    columns = [Line(x, 100, x + 20, 400, "自上而下") for x in (300, 340, 260)]
    rows = [Line(40, 540, 300, 560, "below"), Line(40, 500, 300, 520, "above"), Line(40, 10, 300, 30, "alone")]
    parts = [(260.0, 100.0, 360.0, 400.0), (40.0, 500.0, 300.0, 560.0)]
    assert list(reading_sequence([*columns, *rows], parts)) == [1, 0, 2, 4, 3, 5]
