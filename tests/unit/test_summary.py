"""What `ocr.collect` makes of what it is handed."""

from typing import Any

import pytest

from ocr_celery.errors import BadUrl, EmptyFile
from ocr_celery.task_results import batch_summary, failed_part

READ = {"text": "# Title", "verdict": "ok"}


@pytest.mark.parametrize("part", [READ, None, "text", failed_part("a", "FAILURE", EmptyFile())])
def test_whatever_is_no_list_is_one_part(part: Any) -> None:
    found = batch_summary(part)
    assert (found["total"], len(found["outcomes"])) == (1, 1)
    assert found == batch_summary([part])


def test_a_failed_part_is_counted_as_such_and_says_which_page_it_was() -> None:
    found = batch_summary([READ, failed_part("a", "FAILURE", EmptyFile())])
    assert (found["total"], found["completed"], found["failed"]) == (2, 1, 1)
    assert found["outcomes"][1] == {
        "status": "failed",
        "task_id": "a",
        "code": "empty_file",
        "error": "The file is empty.",
    }


@pytest.mark.parametrize("places", [(0,), (1,), (2,), (0, 1), (0, 3), (2, 3), (3, 2), (0, 1, 2, 3, 4)])
def test_pages_that_were_never_sent_keep_their_places(places: tuple[int, ...]) -> None:
    refused = [[place, failed_part(f"bad-{place}", "FAILURE", BadUrl())] for place in places]
    found = batch_summary([READ, READ], refused)  # type: ignore[arg-type]  # JSON knows no tuples
    assert [n for n, item in enumerate(found["outcomes"]) if item["status"] == "failed"] == sorted(places)
    assert all(found["outcomes"][place]["task_id"] == f"bad-{place}" for place in places)
    assert (found["completed"], found["failed"]) == (2, len(places))
