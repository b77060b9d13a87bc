"""Options of `celery worker` that this pool has no use for are said, each in a line that names what to do instead."""

import pytest

from ocr_celery.consumer.worker_options import notices, warnings
from ocr_celery.settings import Settings


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"concurrency": 4}, "the option -c has no effect"),
        ({"pool": "solo"}, "the option -P has no effect"),
        ({"autoscale": (4, 1)}, "the option --autoscale has no effect"),
        ({"time_limit": 5.0}, "OCR_PAGE_DEADLINE"),
        ({"queues": ["other"]}, "start a worker with OCR_QUEUE=other"),
        ({"queues": ["ocr", "other"]}, "start a worker with OCR_QUEUE=other"),
    ],
)
def test_one_line_each(options: dict[str, object], said: str) -> None:
    (line,) = warnings(options, queue="ocr")
    assert said in line


def test_what_has_an_effect_is_passed_over() -> None:
    assert list(warnings({"hostname": "ocr1@vm", "loglevel": "INFO", "queues": ["ocr"]}, queue="ocr")) == []


def test_a_worker_that_no_redis_was_named_to_says_which_it_uses() -> None:
    assert list(notices(Settings())) == ["REDIS_URL is not set: this worker reads from redis://127.0.0.1:6379/0"]
    assert list(notices(Settings(redis_url="redis://cache:6379/0"))) == []
