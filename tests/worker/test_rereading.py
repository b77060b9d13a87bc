"""A page that went in circles is read again, in places nobody else wants, and the best reading is its result."""

from collections.abc import Callable

from ocr_celery.client import Client
from tests.testlib.processes import Worker, final, png, until

Start = Callable[..., Worker]


def test_a_page_in_circles_is_read_again_and_the_better_reading_kept(client: Client, start_worker: Start) -> None:
    ids = [client.submit_image(png(), prompt=prompt) for prompt in ("round and round", "straight on")]
    start_worker(OCR_SCRIPTED_LOOP="round", OCR_SCRIPTED_SECONDS=0.1)
    round_, straight = [view.result for view in final(client, ids)]
    assert round_
    assert (round_["verdict"], round_["readings"]) == ("ok", 2)
    assert "and so on" not in round_["text"]
    assert straight
    assert (straight["verdict"], straight["readings"]) == ("ok", 1)


def test_rereading_can_be_turned_off_and_the_result_says_what_it_is_worth(client: Client, start_worker: Start) -> None:
    ids = [client.submit_image(png(), prompt=prompt) for prompt in ("round and round", "straight on")]
    start_worker(OCR_SCRIPTED_LOOP="round", OCR_SCRIPTED_SECONDS=0.1, OCR_MAX_REREADS=0)
    assert [(v.result["verdict"], v.result["readings"]) for v in final(client, ids) if v.result] == [
        ("repeating", 1),
        ("ok", 1),
    ]


def test_first_readings_go_before_second_ones(client: Client, start_worker: Start) -> None:
    ids = [client.submit_image(png(), prompt="round" if n == 0 else f"n {n}") for n in range(6)]
    start_worker(OCR_SCRIPTED_LOOP="round", OCR_SCRIPTED_SECONDS=1, OCR_BATCH_SIZE=2)  # the next are prepared meanwhile
    views = final(client, ids)
    assert views[0].result
    assert views[0].result["readings"] == 2
    assert views[0].updated_at == max(view.updated_at for view in views)


def test_behind_a_barrier_a_long_page_holds_the_next_batch_back(client: Client, start_worker: Start) -> None:
    worker = start_worker(OCR_BATCH_MODE="barrier", OCR_BATCH_SIZE=4, OCR_SCRIPTED_SECONDS=0.1, OCR_SCRIPTED_SPREAD=1)
    ids = [client.submit_image(png(199))]
    until(lambda: client.stats().processing == 1, what="the long page is in the engine")
    ids += [client.submit_image(png(100)) for _ in range(3)]
    views = final(client, ids)
    assert min(view.updated_at for view in views[1:]) > views[0].updated_at
    stats = until(lambda: client.app.control.inspect([worker.name], timeout=20).stats())[worker.name]["pool"]
    assert stats["joined-running-batch"] == 0
