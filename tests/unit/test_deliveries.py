"""A message that came to no end again and again is given up, whatever its count is made of."""

import pytest

from ocr_celery.core import delivery_limit


@pytest.mark.parametrize(
    "properties", [None, "x", [], {}, {"deliveries": None}, {"deliveries": "60"}, {"deliveries": True}]
)
def test_what_is_no_count_counts_as_none(properties: object) -> None:
    assert delivery_limit.failed_deliveries(properties) == 0
    assert not delivery_limit.is_given_up(properties)


def test_it_is_given_up_after_so_many_and_not_before() -> None:
    assert not delivery_limit.is_given_up({"deliveries": delivery_limit.MAX_DELIVERIES - 1})
    assert delivery_limit.is_given_up({"deliveries": delivery_limit.MAX_DELIVERIES})
    assert not delivery_limit.is_given_up({"deliveries": -60})
