"""Which way up a page lies, by what its lines look like and how well they read."""

from collections.abc import Sequence

import numpy as np
import pytest

from ocr_celery.engine.rapid.orientation import Image, longest_lines, quarter_turns, reads_better_inverted
from tests.testlib.line_models import PlannedModels

LINES = [(f"line number {n}", (20.0, 40.0 * n, 380.0, 40.0 * n + 20)) for n in range(1, 8)]
UPRIGHT_COLUMNS = [("春夏秋冬山川草木", (360.0 - 50 * n, 20.0, 380.0 - 50 * n, 580.0)) for n in range(6)]


def turns(models: PlannedModels, *, turned: int) -> int:
    image = np.asarray(models.page(turned=turned))
    return quarter_turns(models, image, models.detect_lines(image))


@pytest.mark.parametrize("turned", range(4))
def test_turns_make_a_page_upright_however_it_lies(turned: int) -> None:
    assert (turned + turns(PlannedModels(LINES), turned=turned)) % 4 == 0


@pytest.mark.parametrize("turned", [0, 2])
def test_chinese_in_columns_stays_in_columns(turned: int) -> None:
    models = PlannedModels(UPRIGHT_COLUMNS, stacked=True)
    assert (turned + turns(models, turned=turned)) % 4 == 0


@pytest.mark.parametrize("turned", [1, 3])
def test_a_chinese_page_that_lies_on_its_side_is_turned(turned: int) -> None:
    across = [("春夏秋冬山川草木", rect) for _, rect in LINES]
    assert (turned + turns(PlannedModels(across), turned=turned)) % 4 == 0


def test_a_page_without_lines_is_left_as_it_is() -> None:
    assert turns(PlannedModels([]), turned=0) == 0


def test_a_page_of_boxes_that_are_no_lines_is_left_as_it_is() -> None:
    assert turns(PlannedModels([("x", (20.0, 20.0, 40.0, 40.0))]), turned=2) == 0


def test_a_classifier_that_is_wrong_turns_no_page_that_reads_well() -> None:
    class Wrong(PlannedModels):
        def classify_inverted(self, crops: Sequence[Image]) -> list[bool]:
            return [True for _ in crops]

    assert turns(Wrong(LINES), turned=0) == 0


def test_a_few_doubtful_lines_turn_no_page() -> None:
    class Doubtful(PlannedModels):
        def classify_inverted(self, crops: Sequence[Image]) -> list[bool]:
            return [number < 2 for number, _ in enumerate(crops)]

        def recognize(self, crops: Sequence[Image]) -> list[tuple[str, float]]:
            raise AssertionError(f"{len(crops)} lines are read both ways")

    assert turns(Doubtful(LINES), turned=0) == 0


def test_lines_read_better_the_way_they_are_sure() -> None:
    models = PlannedModels(LINES)
    for turned, inverted in ((0, False), (2, True)):
        image = np.asarray(models.page(turned=turned))
        crops = models.crop_lines(image, models.detect_lines(image))
        assert reads_better_inverted(models, crops) is inverted


def test_lines_without_text_read_no_better_inverted() -> None:
    blank = PlannedModels([(" ", (20.0, 40.0, 380.0, 60.0))])
    image = np.asarray(blank.page())
    assert not reads_better_inverted(blank, blank.crop_lines(image, blank.detect_lines(image)))


def test_the_longest_lines_are_twelve_that_run_as_most_do_and_none_short() -> None:
    across = [("a", (0.0, 30.0 * n, 100.0 + n, 30.0 * n + 20)) for n in range(15)]
    other = [("down", (380.0, 0.0, 400.0, 150.0)), ("square", (0.0, 500.0, 25.0, 520.0))]
    models = PlannedModels([*across, *other])
    boxes = models.detect_lines(np.asarray(models.page()))
    longest = longest_lines(boxes)
    # the one that runs down is as wide as a square, and short along the others
    assert sorted(box[1, 0] - box[0, 0] for box in longest) == [103.0 + n for n in range(12)]
    assert len(longest_lines(boxes[-1:])) == 0
