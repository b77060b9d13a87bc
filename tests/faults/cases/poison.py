"""A page that kills or blocks whoever reads it fails alone; its neighbours are read."""

import random
import signal

from tests.faults.case import case, now
from tests.faults.flow import picture, send_one, through
from tests.faults.scene import Scene
from tests.testlib.malformed_messages import malformed
from tests.testlib.processes import keys, until, waiting


def poison(scene: Scene, rounds: int, code: str, **settings: object) -> None:
    """Every tenth page is bad; the worker is started again whenever it ends."""
    settings = {"OCR_BATCH_SIZE": 4, **settings}
    worker, send = scene.worker(**settings), through(scene.client)
    ends = 0
    for _ in range(rounds):
        for number in range(10):
            bad = {"prompt": "poison", "expected": f"!{code}"} if number == 4 else {}
            send_one(send, scene.ledger, **bad)

        def all_final() -> bool:
            nonlocal worker, ends
            if worker.process.poll() is not None:
                worker, ends = scene.worker(ready=False, **settings), ends + 1
            return not scene.unfinished()

        until(all_final, timeout=90, what="all pages are final")
    scene.notes["ends of the worker"] = ends
    assert ends <= 4 * rounds, "twice among others, twice alone"


@case("a page that kills its worker", short=1, long=5)
def kills_worker(scene: Scene, rounds: int) -> None:
    poison(scene, rounds, "worker_killed", OCR_SCRIPTED_KILL="poison")


@case("a page that breaks the engine", short=1, long=5)
def breaks_engine(scene: Scene, rounds: int) -> None:
    poison(scene, rounds, "engine_killed", OCR_SCRIPTED_BREAK="poison")


@case("a page that never ends", short=1, long=5)
def never_ends(scene: Scene, rounds: int) -> None:
    poison(scene, rounds, "page_deadline", OCR_SCRIPTED_HANG="poison", OCR_PAGE_DEADLINE=1.5)


@case("malformed messages between good pages, workers stopped and killed", short=1, long=5)
def malformed_messages(scene: Scene, rounds: int) -> None:
    """No worker ends by itself, and of all these messages none waits or is held in the end."""
    worker, redis, sent = scene.worker(), scene.redis.client, 0
    with scene.flow():
        for _ in range(rounds):
            texts = list(malformed(picture(99)).values())
            random.shuffle(texts)
            for part, how in enumerate((signal.SIGTERM, signal.SIGKILL, None)):
                for text in texts[part::3]:
                    redis.lpush("ocr", text)
                    sent += 1
                scene.work_a_while()
                assert worker.process.poll() is None, "a message has ended it"
                if how is not None:
                    worker.signal(how)
                    worker.wait()
                    began = now()
                    worker = scene.worker(ready=False)
                    scene.recovers(began)
    until(lambda: not waiting(redis), timeout=120, what="no message waits")
    assert worker.process.poll() is None, "a message has ended it"
    scene.notes["malformed messages"] = sent
    scene.notes["put aside"] = int(redis.hget(keys.put_aside_sizes, "count") or 0)
