"""What networks do between the processes and Redis."""

import time

from tests.faults.case import case, now
from tests.faults.scene import Scene
from tests.testlib.processes import until

AWAY = 1.0  #: seconds of a short interruption


@case("connections of the worker cut for 1 s", short=3, long=20)
def cut(scene: Scene, rounds: int) -> None:
    proxy = scene.proxy()
    scene.worker(url=proxy.url)
    with scene.flow():
        for _ in range(rounds):
            scene.work_a_while()
            proxy.cut()
            time.sleep(AWAY)
            proxy.mend()
            began = now()
            scene.recovers(began)


@case("connections of the facade cut for 1 s", short=3, long=20)
def facade_cut(scene: Scene, rounds: int) -> None:
    proxy = scene.proxy()
    scene.worker()
    facade = scene.facade(url=proxy.url)
    with scene.flow_over_http(facade.url) as flow:
        for _ in range(rounds):
            scene.work_a_while()
            proxy.cut()
            time.sleep(AWAY)
            proxy.mend()
            scene.accepts_again(now())
    assert not flow.errors, flow.errors[:3]


def swallowed(scene: Scene, rounds: int, seconds: float) -> None:
    proxy = scene.proxy()
    scene.worker(url=proxy.url)
    facade = scene.facade(url=proxy.url)
    with scene.flow_over_http(facade.url) as flow:
        for _ in range(rounds):
            scene.work_a_while()
            proxy.swallow()
            time.sleep(seconds)
            proxy.mend()
            began = now()
            scene.recovers(began)
    assert not flow.errors, flow.errors[:3]


@case("all connections black-holed for 5 s", short=2, long=10)
def swallowed_for_5_s(scene: Scene, rounds: int) -> None:
    swallowed(scene, rounds, 5)


@case("all connections black-holed for 2 min", short=0, long=1)
def swallowed_for_2_min(scene: Scene, rounds: int) -> None:
    swallowed(scene, rounds, 120)


@case("300 ms a round trip", short=1, long=3, within=10)
def slow(scene: Scene, rounds: int) -> None:
    proxy = scene.proxy()
    scene.worker(url=proxy.url)
    facade = scene.facade(url=proxy.url)
    with scene.flow_over_http(facade.url) as flow:
        for _ in range(rounds):
            scene.work_a_while(5)
            proxy.delay, began = 0.3, now()
            scene.recovers(began, lambda began=began: scene.witness.last > began + 5)
            assert scene.client.stats().workers == 1, "it keeps its lease"
            proxy.mend()
    assert not flow.errors, flow.errors[:3]


@case("answers of Redis cut in the middle", short=4, long=50)
def answers_cut(scene: Scene, rounds: int) -> None:
    proxy = scene.proxy()
    scene.worker(url=proxy.url)
    facade = scene.facade(url=proxy.url)
    with scene.flow_over_http(facade.url) as flow:
        for _ in range(rounds):
            scene.work_a_while()
            proxy.cut_answers(4)
            began = now()
            scene.recovers(began)
    assert not flow.errors, flow.errors[:3]


@case("a worker cut off alone, another takes over", short=1, long=10, within=15)
def cut_off_alone(scene: Scene, rounds: int) -> None:
    proxy = scene.proxy()
    alone = scene.worker("alone", url=proxy.url, OCR_SCRIPTED_SECONDS=1)
    other = scene.worker("other", OCR_SCRIPTED_SECONDS=1)
    with scene.flow():
        for _ in range(rounds):
            scene.work_a_while()
            until(lambda: scene.held_by(alone), what="it holds pages")
            proxy.swallow()
            began = now()
            scene.recovers(began, lambda: not scene.held_by(alone))
            proxy.mend()  # what it has read meanwhile arrives now, when the other has read it too
            until(lambda: scene.held_by(alone), what="it takes part again")
    assert alone.process.poll() is None
    assert other.process.poll() is None
