"""Who holds a name is said as a person would look for it."""

import json

import pytest

from ocr_celery.consumer.lease import describe_holder


def test_a_process_of_a_machine() -> None:
    lease = {"machine": "vm3 pid:[4026531836]3bcb-77", "pid": 4711, "run": "ab"}
    assert describe_holder(json.dumps(lease)) == "process 4711 of vm3"


@pytest.mark.parametrize("lease", ["", "null", "[]", "{}", '{"machine": "", "pid": 1}', "no json"])
def test_what_is_no_lease_of_ours_is_said_as_that(lease: str) -> None:
    assert describe_holder(lease) == "an unknown process"
