"""How much one batch may hold, and what is kept of an item that is no URL."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocr_celery.core.batch_limits import MAX_MALFORMED, MAX_URLS_BYTES, check_size, shorten_item
from ocr_celery.errors import BadRequest

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@pytest.mark.parametrize("item", [None, 5, "", "no URL", ["http://a/"], {"url": "http://a/"}, "x" * MAX_MALFORMED])
def test_a_short_item_is_kept_as_it_was_given(item: Any) -> None:
    assert shorten_item(item) is item


def test_a_long_item_is_cut_and_says_how_long_it_was() -> None:
    assert shorten_item("x" * 5000) == "x" * MAX_MALFORMED + "… (5000 characters)"
    assert shorten_item(["y" * 5000]) == '["' + "y" * (MAX_MALFORMED - 2) + "… (5004 characters)"


@given(JSON, st.integers(1, 2000))
def test_what_is_kept_of_an_item_is_json_of_bounded_length(item: Any, times: int) -> None:
    kept = shorten_item([item] * times)
    assert len(json.dumps(kept, ensure_ascii=False)) <= 2 * MAX_MALFORMED + 50


def test_a_batch_of_exactly_the_limit_is_accepted() -> None:
    fitting = "x" * (MAX_URLS_BYTES - len('[""]'))
    check_size([fitting])
    with pytest.raises(BadRequest):
        check_size([f"{fitting}x"])


def test_the_size_of_a_batch_counts_as_the_json_that_is_stored() -> None:
    with pytest.raises(BadRequest):
        check_size(["é" * (MAX_URLS_BYTES // 6)])  # six bytes each, as \\u00e9


def test_a_batch_that_is_too_large_says_both_sizes_and_what_to_do() -> None:
    with pytest.raises(BadRequest) as refused:
        check_size("x" * 1024**2 for _ in range(10))
    assert refused.value.message == (
        "urls: together they take 10.0 MB as JSON; a batch may take up to 8 MB. Split it into several batches."
    )
