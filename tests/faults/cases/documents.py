"""SIGKILL while documents arrive, are read page by page, and are put together."""

import random
import signal
import time
from collections.abc import Collection

from tests.faults.case import case, now
from tests.faults.scene import Scene
from tests.testlib.processes import keys, until
from tests.testlib.several_pages import TOO_LARGE, tiff

#: a worker that dies between a document's end and the expiry of its pages leaves that to the sweeper
SWEEPING = {"OCR_CLEANUP_INTERVAL": 1}


def send_document(scene: Scene, pages: int, *, gaps: Collection[int] = ()) -> str:
    """Send a document whose pages differ, and enter in the ledger what it should come to. `gaps`: pages that fail."""
    numbers = range(1, pages + 1)
    widths = {n: TOO_LARGE if n in gaps else 100 + (scene.ledger.accepted + n) % 400 for n in numbers}
    id = scene.client.submit_document(tiff(list(widths.values())), prompt="n", name="a.tif")
    texts = [
        f"<!-- page {n}: too_many_pixels -->" if n in gaps else f"<!-- page {n} -->\n\npage of {width} x 100, n"
        for n, width in widths.items()
    ]
    scene.ledger.accept(id, "\n\n".join(texts))
    return id


@case("worker killed at a document's arrival", short=3, long=100)
def worker_at_the_arrival(scene: Scene, rounds: int) -> None:
    """In every second round the document is delivered twice."""
    worker = scene.worker(**SWEEPING)
    for n in range(rounds):
        send_document(scene, 12)
        if n % 2 and (message := scene.redis.client.lindex(keys.queue, 0)):
            scene.redis.client.lpush(keys.queue, message)
        time.sleep(random.random() * 0.1)  # not to be right: to be at any moment
        worker.kill()
        began = now()
        worker = scene.worker(ready=False, **SWEEPING)
        scene.recovers(began)


@case("worker killed while a document is read", short=3, long=20)
def worker_during_a_document(scene: Scene, rounds: int) -> None:
    worker = scene.worker(**SWEEPING)
    send_document(scene, 40 * rounds)
    for _ in range(rounds):
        scene.work_a_while(20)
        worker.kill()
        began = now()
        worker = scene.worker(ready=False, **SWEEPING)
        scene.recovers(began)


@case("Redis killed while a document is read", short=2, long=5)
def redis_during_a_document(scene: Scene, rounds: int) -> None:
    scene.worker(**SWEEPING)
    id = send_document(scene, 60 * rounds)
    for _ in range(rounds):
        scene.work_a_while(20)
        scene.redis.stop(signal.SIGKILL)
        began = now()
        scene.redis.start()
        scene.recovers(began)
    until(lambda: scene.client.look_up(id).status.final)


@case("documents of which three pages fail", short=2, long=50)
def documents_with_gaps(scene: Scene, rounds: int) -> None:
    scene.worker(**SWEEPING)
    gaps = [set(random.sample(range(1, 21), 3)) for _ in range(rounds)]
    ids = [send_document(scene, 20, gaps=found) for found in gaps]
    for id, missing in zip(ids, gaps, strict=True):
        view = until(lambda id=id: view if (view := scene.client.look_up(id)).status.final else None)
        assert view.result is not None
        assert view.result["partial"]
        assert {page["page"] for page in view.result["failed_pages"]} == missing
