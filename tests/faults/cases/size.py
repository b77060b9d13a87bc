"""Many pages: nothing grows with those that were, and nothing slows down with those that wait."""

import statistics
import time
from collections.abc import Callable

from case import case, now
from memory import resident
from nodes import until
from scene import Scene

from ocr_celery.client import Client

GROWTH = 1.05  #: of memory over the last half, at most; 1.02 for runs that are long enough to tell
SLOWER = 1.5  #: ratio of two medians, at most


def milliseconds(call: Callable[[], object], times: int = 60) -> float:
    """Median."""
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        call()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken) * 1000


@case("soak through two workers, thousands of pages (rounds)", short=3, long=100, linux=True)
def soak(scene: Scene, rounds: int) -> None:
    quick = {"OCR_SCRIPTED_SECONDS": 0.02, "OCR_BATCH_SIZE": 16, "OCR_TASK_TTL": 20, "OCR_CLEANUP_INTERVAL": 2}
    workers = [scene.worker(name, **quick) for name in ("a", "b")]
    scene.client = Client(scene.client.settings.model_copy(update={"task_ttl": 7200}))
    sizes: list[list[int]] = []
    total = rounds * 1000
    with scene.flow(open_pages=200):
        for tenth in range(1, 11):
            wanted = total * tenth // 10
            until(lambda wanted=wanted: len(scene.witness.finished) >= wanted, timeout=3600, what=f"{wanted} pages")
            sizes.append([resident(worker.process.pid) for worker in workers])
    for half, end in zip(sizes[4], sizes[-1], strict=True):
        scene.notes[f"growth of a worker over the last half of {total} pages"] = round(end / half, 3)
        assert end / half < (1.02 if total >= 50_000 else GROWTH)
    scene.ledger.expected = dict(list(scene.ledger.expected.items())[-500:])  # the results of others have expired


@case("a long queue (rounds × 1000), against 100 waiting", short=5, long=100)
def queue(scene: Scene, rounds: int) -> None:
    def figures(waiting: int) -> dict[str, float]:
        while scene.redis.client.llen("celery") < waiting:
            scene.client.submit_batch(["http://127.0.0.1:1/"] * min(1000, waiting - scene.redis.client.llen("celery")))
        id = scene.client.submit_url("http://127.0.0.1:1/")
        batch = scene.client.submit_batch(["http://127.0.0.1:1/"] * 1000)
        times = {
            "submit": milliseconds(lambda: scene.client.submit_url("http://127.0.0.1:1/")),
            "status": milliseconds(lambda: scene.client.look_up(id)),
            "stats": milliseconds(scene.client.stats),
            "batch status": milliseconds(lambda: scene.client.look_up_batch(batch), 10),
        }
        began = now()
        worker = scene.worker(OCR_SCRIPTED_SECONDS=60)
        until(lambda: scene.held_by(worker), what="it takes pages")
        times["worker start"] = (now() - began) * 1000
        worker.kill()
        began = now()
        worker = scene.worker(ready=False)
        until(lambda: not scene.held_by(worker), what="they are back in the queue")
        times["orphan restore"] = (now() - began) * 1000
        worker.kill()
        return times

    few = figures(100)
    scene.redis.client.flushall()
    many = figures(rounds * 1000)
    ratios = {name: round(many[name] / few[name], 2) for name in few}
    scene.notes[f"{rounds * 1000} waiting against 100"] = ratios
    scene.redis.client.flushall()
    assert max(ratios.values()) <= SLOWER, ratios
