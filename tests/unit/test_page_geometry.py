"""What is seen of a PDF page leads back to the page's own coordinates."""

import pytest

from ocr_celery.export.page_geometry import seen_page, visible_rectangle


@pytest.mark.parametrize(
    ("media", "crop", "seen"),
    [
        ((0, 0, 600, 800), (), (0, 0, 600, 800)),
        ((0, 0, 600, 800), (50, 60, 550, 700), (50, 60, 550, 700)),
        ((600, 800, 0, 0), (), (0, 0, 600, 800)),
        ((-47, -10, 553, 790), (-100, -100, 100, 5000), (-47, -10, 100, 790)),
        ((0, 0, 600, 800), (700, 900, 800, 1000), (0, 0, 600, 800)),
        ((0, 0, 600, 800), (5, 5, 5, 700), (0, 0, 600, 800)),
        ((), (), (0, 0, 612, 792)),
        ((0, 0, float("nan"), 800), (), (0, 0, 612, 792)),
        ((1, 2, 3), (10, 10, 20), (0, 0, 612, 792)),
    ],
)
def test_a_page_is_seen_as_far_as_its_boxes_say(
    media: tuple[float, ...], crop: tuple[float, ...], seen: tuple[float, float, float, float]
) -> None:
    assert visible_rectangle(media, crop) == seen


@pytest.mark.parametrize(
    ("rotate", "size", "upper_left"),
    [
        (0, (500, 700), (50, 760)),
        (90, (700, 500), (50, 60)),
        (180, (500, 700), (550, 60)),
        (270, (700, 500), (550, 760)),
        (-90, (700, 500), (550, 760)),
        (450, (700, 500), (50, 60)),
        (45, (500, 700), (50, 760)),
    ],
)
def test_the_upper_left_corner_of_a_page_that_is_turned(
    rotate: int, size: tuple[float, float], upper_left: tuple[float, float]
) -> None:
    found, (a, b, c, d, e, f) = seen_page((50, 60, 550, 760), rotate)
    x, y = 0.0, found[1]
    assert found == size
    assert (a * x + c * y + e, b * x + d * y + f) == upper_left
