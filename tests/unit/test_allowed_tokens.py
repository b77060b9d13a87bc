"""A result says how many tokens a page was allowed, where the model had room for fewer than were asked for."""

from typing import Any

import pytest
from PIL import Image

from ocr_celery.core.page import Page
from ocr_celery.core.reading import Reading
from ocr_celery.task_results import result_dict
from web.response_models import Details


def result(reading: Reading) -> dict[str, Any]:
    page = Page(image=Image.new("RGB", (1, 1)), width=1, height=1)
    return result_dict([reading], page, engine="vllm", model="m", waited=0, prepared=0, read=0)


@pytest.mark.parametrize("allowed", [0, 7200])
def test_only_a_reduced_number_is_told_and_documented_as_optional(allowed: int) -> None:
    told = result(Reading(text="", max_tokens=allowed))
    assert told.get("max_tokens", 0) == allowed
    assert ("max_tokens" in told) == bool(allowed)
    assert "max_tokens" not in Details.model_json_schema()["required"]
    assert Details.model_validate({"pages": {"in_file": 1, "read": 1}, **told}).max_tokens == allowed
