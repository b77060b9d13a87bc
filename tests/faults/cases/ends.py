"""SIGTERM during load: what is held is finished or requeued, and a caller who tries again sees no error."""

import os
import signal

from tests.faults.case import case, now
from tests.faults.scene import Scene


@case("worker ended by SIGTERM", short=2, long=20)
def worker(scene: Scene, rounds: int) -> None:
    worker = scene.worker()
    with scene.flow():
        for _ in range(rounds):
            scene.work_a_while()
            worker.signal(signal.SIGTERM)
            assert worker.wait() == 0
            assert not scene.held_by(worker)
            began = now()
            worker = scene.worker(ready=False)
            scene.recovers(began)
    reads = [line for w in scene.workers for line in w.log.splitlines() if '"page read"' in line]
    assert len(reads) <= len(scene.ledger.expected), "an orderly end costs no second reading"


@case("gunicorn worker ended by SIGTERM", short=4, long=50, linux=True)
def web_worker(scene: Scene, rounds: int) -> None:
    scene.worker()
    facade = scene.facade(OCR_WEB_PROCESSES=2)
    with scene.flow_over_http(facade.url) as flow:
        for _ in range(rounds):
            scene.work_a_while()
            os.kill(facade.worker_pid, signal.SIGTERM)
            scene.accepts_again(now())
    assert not flow.errors, flow.errors[:3]


@case("facade ended by SIGTERM and started again", short=3, long=20)
def facade(scene: Scene, rounds: int) -> None:
    scene.worker()
    facade = scene.facade()
    with scene.flow_over_http(facade.url) as flow:
        for _ in range(rounds):
            scene.work_a_while()
            facade.stop()
            began = now()
            facade.start()
            scene.accepts_again(began)
    assert not flow.errors, flow.errors[:3]


@case("Redis ended by SIGTERM and started again", short=3, long=20)
def redis(scene: Scene, rounds: int) -> None:
    scene.worker()
    facade = scene.facade()
    with scene.flow_over_http(facade.url) as flow:
        for _ in range(rounds):
            scene.work_a_while()
            scene.redis.stop(signal.SIGTERM)
            scene.redis.start()
            began = now()
            scene.recovers(began)
    assert not flow.errors, flow.errors[:3]


@case("make run ended by SIGTERM and started again", short=2, long=10, within=10)
def everything(scene: Scene, rounds: int) -> None:
    service = scene.whole()
    with scene.flow_over_http(service.url) as flow:
        for _ in range(rounds):
            scene.work_a_while()
            assert service.stop() == 0
            service.start()
            began = now()
            scene.recovers(began)
    assert not flow.errors, flow.errors[:3]
