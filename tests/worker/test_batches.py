"""Pages enter the engine in batches, and each keeps its own place, options and fate."""

from collections.abc import Callable

from ocr_celery.client import Client
from ocr_celery.core.status import Status
from tests.testlib.image_server import Origin
from tests.testlib.processes import RedisServer, Worker, final, png, until

Start = Callable[..., Worker]


def pool_stats(client: Client, worker: Worker) -> dict[str, object]:
    answer = until(lambda: client.app.control.inspect([worker.name], timeout=20).stats())
    return dict(answer[worker.name]["pool"])


def test_500_pages_go_in_full_batches_and_each_gets_its_own_answer(client: Client, start_worker: Start) -> None:
    ids = [client.submit_image(png(100 + i), prompt=f"page {i}") for i in range(500)]
    worker = start_worker(OCR_BATCH_SIZE=32, OCR_BATCH_TIMEOUT=5, OCR_SCRIPTED_SECONDS=0.4)
    views = final(client, ids)
    assert [view.status for view in views] == [Status.COMPLETED] * 500
    assert [view.result["text"] for view in views if view.result] == [
        f"page of {100 + i} x 20, page {i}" for i in range(500)
    ]
    stats = pool_stats(client, worker)
    print("batch sizes:", stats["batch-histogram"])
    histogram = {int(size): n for size, n in stats["batch-histogram"].items()}  # type: ignore[attr-defined]
    assert sum(size * n for size, n in histogram.items()) == 500
    assert histogram[32] == 15
    assert stats["joined-running-batch"] == 0


def test_a_page_uses_its_own_options_even_when_it_shares_a_batch(client: Client, start_worker: Start) -> None:
    ids = [client.submit_image(png(), prompt="one two three", max_tokens=n) for n in (1, 5, 7)]
    start_worker()
    views = final(client, ids)
    assert [v.result["output_tokens"] for v in views if v.result] == [1, 5, 7]
    assert [v.result["finish_reason"] for v in views if v.result] == ["length", "length", "length"]


def test_a_freed_place_is_filled_while_the_engine_runs(client: Client, start_worker: Start) -> None:
    # pictures of width 100 take 0.1 s, those of width 199 take 2 s longer
    worker = start_worker(OCR_BATCH_SIZE=4, OCR_SCRIPTED_SECONDS=0.1, OCR_SCRIPTED_SPREAD=2)
    ids = [client.submit_image(png(199))]
    until(lambda: client.stats().processing == 1, what="the long page is in the engine")
    ids += [client.submit_image(png(100)) for _ in range(11)]
    views = final(client, ids)
    assert max(v.updated_at for v in views[1:]) < views[0].updated_at, "the long page held the others up"
    assert pool_stats(client, worker)["joined-running-batch"] == 11


def test_a_page_that_fails_in_the_engine_fails_alone(client: Client, start_worker: Start) -> None:
    ids = [client.submit_image(png(), prompt="bad luck" if i == 2 else "fine") for i in range(5)]
    start_worker(OCR_SCRIPTED_FAIL="luck")
    views = final(client, ids)
    assert [v.status for v in views] == [Status.FAILED if i == 2 else Status.COMPLETED for i in range(5)]
    assert views[2].error is not None
    assert views[2].error.code == "engine_failed"


def test_a_file_that_cannot_be_decoded_never_enters_a_batch(client: Client, start_worker: Start) -> None:
    good, bad = client.submit_image(png()), client.submit_image(png()[:40])
    worker = start_worker()
    ok, failed = final(client, [good, bad])
    assert ok.status is Status.COMPLETED
    assert failed.error is not None
    assert failed.error.code == "unreadable_image"
    assert pool_stats(client, worker)["batch-histogram"] == {"1": 1}


def test_two_workers_share_a_queue_and_neither_hoards(client: Client, start_worker: Start) -> None:
    workers = [start_worker(name, OCR_BATCH_SIZE=8, OCR_SCRIPTED_SECONDS=1.5) for name in ("w1", "w2")]
    final(client, [client.submit_image(png()) for _ in range(20)])
    read = [worker.log.count("page read") for worker in workers]
    assert sum(read) == 20
    assert min(read) >= 8, read


def test_a_long_prompt_reaches_every_page_of_its_batch_and_goes_with_it(
    client: Client, start_worker: Start, origin: Origin, redis: RedisServer
) -> None:
    prompt = "a long prompt " * 500
    urls = [origin.page(100 + n) for n in range(10)]
    id = client.submit_batch([*urls, "no url"], prompt=prompt)
    (key,) = redis.client.keys("{ocr}:prompt:*")
    start_worker()
    until(lambda: client.look_up_batch(id).status.final, timeout=60, what="the batch is final")
    results = [task.result for _, task in client.look_up_batch(id).items]
    assert [bool(result) and result["text"].count("a long prompt") for result in results] == [500] * 10 + [False]
    until(lambda: not redis.client.exists(key), what="the prompt is gone")


def test_a_page_whose_prompt_is_gone_fails_alone(
    client: Client, start_worker: Start, origin: Origin, redis: RedisServer
) -> None:
    id = client.submit_batch([origin.page()] * 10, prompt="x" * 8000)
    redis.client.delete(*redis.client.keys("{ocr}:prompt:*"))
    start_worker()
    until(lambda: client.look_up_batch(id).status.final, timeout=60, what="the batch is final")
    assert {task.error.code for _, task in client.look_up_batch(id).items if task.error} == {"prompt_expired"}
