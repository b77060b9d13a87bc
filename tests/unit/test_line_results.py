"""The lines that an engine finds are kept in the result of a page, in pixels of the page and not of the picture that was read."""

from dataclasses import replace

from PIL import Image

from ocr_celery.core.page import Page
from ocr_celery.core.placed_line import DOWNWARDS, PlacedLine
from ocr_celery.core.reading import Reading
from ocr_celery.core.result_page import ResultPage
from ocr_celery.task_results import result_dict

LINE = PlacedLine(10, 20, 110, 40, "a line", DOWNWARDS, 0.02)


def _result(*lines: PlacedLine) -> dict[str, object]:
    page = Page(image=Image.new("RGB", (400, 600)), width=800, height=1200)
    reading = Reading(text="a line", lines=lines)
    return result_dict([reading], page, engine="rapidocr", model="m", waited=0, prepared=0, read=0)


def test_lines_are_in_pixels_of_the_page_as_it_was_given() -> None:
    assert ResultPage(1, _result(LINE)).lines() == [replace_box(LINE, 20, 40, 220, 80)]


def replace_box(line: PlacedLine, *box: float) -> PlacedLine:
    return line._replace(**dict(zip(("left", "top", "right", "bottom"), box, strict=True)))


def test_the_result_of_an_engine_without_lines_is_as_it_was() -> None:
    assert "lines" not in _result()
    assert ResultPage(1, _result()).lines() == []


def test_what_another_program_wrote_is_no_line() -> None:
    page = ResultPage(1, {**_result(), "lines": [["a", 1], [1, 2, 3, 4, "text", 9, 0], [1, 2, 3, 4, "text", 0, 0]]})
    assert [line.text for line in page.lines()] == ["text"]
    assert replace(page, result=None).lines() == []
