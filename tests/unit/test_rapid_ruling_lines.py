"""Straight lines drawn on a page are found; writing, pictures and short strokes are none."""

from typing import Any

import cv2
import numpy as np
import pytest

from ocr_celery.engine.rapid.geometry import Rect
from ocr_celery.engine.rapid.ruling_lines import find_ruling_lines

Image = np.ndarray[Any, np.dtype[np.uint8]]


@pytest.fixture
def page() -> Image:
    """A white page of 600 x 800 pixels."""
    return np.full((800, 600, 3), 255, np.uint8)


def near(found: list[Rect], *wanted: Rect) -> bool:
    """Whether each found rectangle is one of these, give or take four pixels."""
    return len(found) == len(wanted) and all(
        max(abs(a - b) for a, b in zip(one, two, strict=True)) <= 4
        for one, two in zip(sorted(found), sorted(wanted), strict=True)
    )


def test_an_empty_page_has_no_ruling_lines(page: Image) -> None:
    assert find_ruling_lines(page) == ([], [])


def test_horizontal_and_vertical_lines_are_found_where_they_are_drawn(page: Image) -> None:
    page[100:102, 50:550] = 0
    page[200:700, 300:303] = 0
    lines = find_ruling_lines(page)
    assert near(lines.horizontal, (50, 100, 550, 102))
    assert near(lines.vertical, (300, 200, 303, 700))


def test_dotted_lines_are_found_whole(page: Image) -> None:
    for x in range(50, 550, 8):
        page[100:102, x : x + 2] = 0
    for y in range(150, 750, 8):
        page[y : y + 2, 300:302] = 0
    lines = find_ruling_lines(page)
    assert near(lines.horizontal, (50, 100, 548, 102))
    assert near(lines.vertical, (300, 150, 302, 748))


def test_dots_far_apart_are_no_line(page: Image) -> None:
    for x in range(50, 550, 16):
        page[100:102, x : x + 2] = 0
    assert find_ruling_lines(page) == ([], [])


def test_a_short_stroke_is_no_ruling_line(page: Image) -> None:
    page[100:102, 50:85] = 0
    assert find_ruling_lines(page) == ([], [])


def test_a_thick_bar_is_no_ruling_line(page: Image) -> None:
    page[100:112, 50:170] = 0  # thick enough to be a bar, thin enough to be all ink
    assert find_ruling_lines(page).horizontal == []


def test_writing_is_no_ruling_line(page: Image) -> None:
    for row in range(5):
        cv2.putText(page, "Some words", (40, 100 + 60 * row), cv2.FONT_HERSHEY_SIMPLEX, 1.2, (0, 0, 0), 2)
    assert find_ruling_lines(page) == ([], [])
