"""Lines and their places come from results, which anybody may have written, and are kept on their page."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ocr_celery.core.placed_line import UPWARDS, PlacedLine, as_json, from_json

_SCALAR = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3)
_JSON = _SCALAR | st.lists(_SCALAR, max_size=2) | st.dictionaries(st.text(max_size=2), _SCALAR, max_size=1)


def test_a_result_holds_lines_in_whole_pixels() -> None:
    line = PlacedLine(10.4, 20.6, 200.2, 40.0, "a line", UPWARDS, 0.01234567)
    found = json.loads(json.dumps(as_json([line])))
    assert list(from_json(found)) == [PlacedLine(10, 21, 200, 40, "a line", UPWARDS, 0.0123)]


@given(_JSON | st.lists(_JSON | st.lists(_JSON, min_size=7, max_size=7), max_size=3))
def test_what_is_no_line_is_left_out(found: Any) -> None:
    for line in from_json(found):
        assert isinstance(line.text, str)
        assert abs(line.left + line.top + line.right + line.bottom + line.slant) < 1e9
        assert line.turns in {0, 1, 2, 3}


@given(st.tuples(*[st.floats(-1e6, 1e6)] * 4), st.integers(1, 5000), st.integers(1, 5000))
def test_a_line_is_moved_onto_its_page_and_is_never_without_size(
    box: tuple[float, float, float, float], width: int, height: int
) -> None:
    left, top, right, bottom = PlacedLine(*box, "a").within(width, height)[:4]
    assert 0 <= left <= right - 0.999 <= width
    assert 0 <= top <= bottom - 0.999 <= height


def test_a_line_on_the_page_stays_where_it_is() -> None:
    line = PlacedLine(10, 20, 200, 40, "a")
    assert line.within(300, 300) == line
    assert line.scaled(2, 0.5)[:4] == (20, 10, 400, 20)
