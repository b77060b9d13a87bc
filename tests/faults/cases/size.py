"""Many pages: nothing grows with those that were, and nothing slows down with those that wait."""

import statistics
import time
from collections.abc import Callable

import requests

from tests.faults.case import case, now
from tests.faults.memory import resident
from tests.faults.scene import Scene
from tests.testlib.processes import keys, until

GROWTH = 1.05  #: of memory over the last half, at most; 1.02 for runs that are long enough to tell
SLOWER = 1.5  #: ratio of two medians, at most
LATER = 2.0  #: the same for the end of a soak against its beginning; 1.2 for runs that are long enough to tell
LONG = 50_000  #: pages
LEFT = 2 * 1024**2  #: bytes of Redis that may be left of a soak once nothing is known of its pages
TTL = 30  #: seconds a result stays; that there was one is known for as long again


def milliseconds(call: Callable[[], object], times: int = 60) -> float:
    """The least of five medians: what else the machine does is not what is measured."""
    medians = []
    for _ in range(5):
        taken = []
        for _ in range(times):
            began = time.perf_counter()
            call()
            taken.append(time.perf_counter() - began)
        medians.append(statistics.median(taken))
    return min(medians) * 1000


@case("soak through two workers, thousands of pages (rounds)", short=2, long=100, linux=True, compares_times=True)
def soak(scene: Scene, rounds: int) -> None:
    quick = {"OCR_SCRIPTED_SECONDS": 0.02, "OCR_BATCH_SIZE": 16, "OCR_TASK_TTL": TTL, "OCR_CLEANUP_INTERVAL": 2}
    pids = {name: scene.worker(name, **quick).process.pid for name in ("worker a", "worker b")}
    facade = scene.facade(OCR_TASK_TTL=TTL)
    pids["facade"] = facade.worker_pid
    total, times, sizes = rounds * 1000, [], []
    empty = scene.redis.client.info("memory")["used_memory"]
    with scene.flow_over_http(facade.url, open_pages=200) as flow:
        for tenth in range(1, 11):
            wanted = total * tenth // 10
            until(lambda wanted=wanted: len(scene.witness.finished) >= wanted, timeout=3600, what=f"{wanted} pages")
            sizes.append({name: resident(pid) for name, pid in pids.items()})
            times.append(_latency(facade.url, list(scene.ledger.expected)[-1]))
            scene.ledger.settle(scene.witness, but=1000)
    assert not flow.errors, flow.errors[:3]
    growth = {name: round(sizes[-1][name] / sizes[4][name], 3) for name in pids}
    later = {what: round(times[-1][what] / times[0][what], 2) for what in times[0]}
    until(lambda: len(scene.witness.finished) >= scene.ledger.accepted, what="all are read")
    scene.ledger.settle(scene.witness, but=0)
    until(lambda: scene.redis.client.dbsize() < 20, timeout=2 * TTL + 30, what="nothing is known of them any more")
    left = scene.redis.client.info("memory")["used_memory"] - empty
    scene.notes[f"growth over the last half of {total} pages"] = growth
    scene.notes["milliseconds at the end against the beginning"] = later
    scene.notes["kB left in Redis once nothing is known of them"] = left // 1000
    assert max(growth.values()) < (1.02 if total >= LONG else GROWTH), growth
    assert max(later.values()) < (1.2 if total >= LONG else LATER), later
    assert left < LEFT, left


def _latency(url: str, id: str) -> dict[str, float]:
    with requests.Session() as session:
        return {
            "GET /stats": milliseconds(lambda: session.get(f"{url}/stats", timeout=10)),
            "GET /ocr/{id}": milliseconds(lambda: session.get(f"{url}/ocr/{id}", timeout=10)),
        }


@case("a long queue (rounds × 1000), against 100 waiting", short=5, long=100, compares_times=True)
def queue(scene: Scene, rounds: int) -> None:
    def figures(waiting: int) -> dict[str, float]:
        while (missing := waiting - scene.client.stats().pending) > 0:
            scene.client.submit_batch(["http://127.0.0.1:1/"] * min(1000, missing))
        until(lambda: _is_quiet(scene), what="Redis has written what it took in")
        id = scene.client.submit_url("http://127.0.0.1:1/")
        batch = scene.client.submit_batch(["http://127.0.0.1:1/"] * 1000)
        times = {
            "submit": milliseconds(lambda: scene.client.submit_url("http://127.0.0.1:1/")),
            "status": milliseconds(lambda: scene.client.look_up(id)),
            "stats": milliseconds(scene.client.stats),
            "batch status": milliseconds(lambda: scene.client.look_up_batch(batch), 5),
        }
        starts, restores = zip(*(_start_and_restore(scene) for _ in range(3)), strict=True)
        times["worker start"], times["orphan restore"] = min(starts), min(restores)
        return times

    few = figures(100)
    scene.redis.client.flushall()
    many = figures(rounds * 1000)
    ratios = {name: round(many[name] / few[name], 2) for name in few}
    scene.notes[f"{rounds * 1000} waiting against 100"] = ratios
    scene.redis.client.flushall()
    assert max(ratios.values()) <= SLOWER, ratios


def _is_quiet(scene: Scene) -> bool:
    """Every write waits while Redis writes its file anew, however long the queue is."""
    told = scene.redis.client.info("persistence")
    return not (told["aof_rewrite_in_progress"] or told["aof_pending_bio_fsync"])


def _start_and_restore(scene: Scene) -> tuple[float, float]:
    """Milliseconds until a new worker holds pages, and until its successor has requeued them."""
    began = now()
    worker = scene.worker(ready=False, OCR_SCRIPTED_SECONDS=60)
    until(lambda: scene.held_by(worker), what="it takes pages")
    start = now() - began
    worker.kill()
    held = scene.redis.client.hkeys(keys.unacked(worker.name))
    began = now()
    worker = scene.worker(ready=False, OCR_SCRIPTED_SECONDS=60)
    until(lambda: not scene.redis.client.hexists(keys.unacked(worker.name), held[0]), what="they are back")
    restore = now() - began
    worker.kill()
    return start * 1000, restore * 1000
