"""A batch outlives the worker that reads it."""

from collections.abc import Callable

from celery.result import AsyncResult

from ocr_celery.client import Client
from ocr_celery.core.status import Status
from tests.testlib.celery_setup import until_settled
from tests.testlib.image_server import Origin
from tests.testlib.processes import RedisServer, Worker, until

Start = Callable[..., Worker]


def test_a_batch_whose_worker_is_killed_in_the_middle_is_completed_and_collected_once(
    client: Client, redis: RedisServer, start_worker: Start, origin: Origin
) -> None:
    settings = {"OCR_BATCH_SIZE": 4, "OCR_SCRIPTED_SECONDS": 0.3}
    first = start_worker(**settings)
    id = client.submit_batch([origin.page(100 + i) for i in range(16)])
    until(lambda: client.look_up_batch(id).counts[Status.COMPLETED] >= 4, what="some are read")
    first.kill()
    assert client.look_up_batch(id).status is Status.PROCESSING
    second = start_worker(**settings)
    batch = until(lambda: (b := client.look_up_batch(id)).status.final and b)
    assert batch.counts == {Status.COMPLETED: 16}
    assert [task.result["width"] for _, task in batch.items if task.result] == [100 + i for i in range(16)]
    summary = AsyncResult(id, app=client.app).get(timeout=60)
    assert [item["result"]["width"] for item in summary["outcomes"]] == [100 + i for i in range(16)]
    until_settled(redis)
    assert second.log.count("ocr.collect") <= 1
