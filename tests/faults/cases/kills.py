"""SIGKILL at random moments while pages flow."""

import os
import random
import signal
from pathlib import Path

from ocr_celery.core.lane_weights import BULK
from tests.faults.case import case, now
from tests.faults.flow import printed
from tests.faults.scene import Scene
from tests.faults.source import Source
from tests.testlib.local_service import alive, family
from tests.testlib.processes import keys, until


@case("worker killed", short=3, long=50)
def worker(scene: Scene, rounds: int) -> None:
    worker = scene.worker()
    with scene.flow():
        for _ in range(rounds):
            scene.work_a_while()
            worker.kill()
            began = now()
            worker = scene.worker(ready=False)
            scene.recovers(began)


@case("worker killed, sent by Celery", short=2, long=50)
def worker_of_celery(scene: Scene, rounds: int) -> None:
    worker = scene.worker()
    with scene.flow_by_name():
        for _ in range(rounds):
            scene.work_a_while()
            worker.kill()
            began = now()
            worker = scene.worker(ready=False)
            scene.recovers(began)


@case("worker killed while batches wait in their lane", short=2, long=50)
def worker_before_full_lanes(scene: Scene, rounds: int) -> None:
    source = scene.enter_context(Source())
    worker = scene.worker()
    with scene.flow(open_pages=150 * rounds + 40):
        for _ in range(rounds):
            batch = scene.client.submit_batch([f"{source.url}/{100 + n}" for n in range(150)], prompt="n")
            for n, (_, view) in enumerate(scene.client.look_up_batch(batch).items):
                scene.ledger.accept(view.id, f"page of {100 + n} x 20, n")
            scene.work_a_while()
            assert scene.redis.client.llen(keys.lane(BULK))
            worker.kill()
            began = now()
            worker = scene.worker(ready=False)
            scene.recovers(began)


@case("worker of the CPU engine killed", short=2, long=10, within=15)
def worker_of_the_cpu_engine(scene: Scene, rounds: int) -> None:
    """Its restart loads the engine. What a page should say is on it, in print."""
    cpu = {"OCR_ENGINE": "rapidocr", "OCR_BATCH_SIZE": 4}
    worker = scene.worker(ready=False, **cpu)
    with scene.flow(printed(scene.client), open_pages=12):
        for _ in range(rounds):
            scene.work_a_while(8)
            worker.kill()
            began = now()
            worker = scene.worker(ready=False, **cpu)
            scene.recovers(began)


@case("one of two workers killed, not restarted", short=2, long=50, within=15)
def one_of_two(scene: Scene, rounds: int) -> None:
    workers = [scene.worker("a"), scene.worker("b")]
    with scene.flow():
        for round_ in range(rounds):
            victim = workers[round_ % 2]
            scene.work_a_while()
            until(lambda victim=victim: scene.held_by(victim), what="it holds pages")
            victim.kill()
            began = now()
            scene.recovers(began, lambda victim=victim: not scene.held_by(victim))
            workers[round_ % 2] = scene.worker(victim.name.partition("@")[0])


@case("gunicorn worker killed", short=4, long=50, linux=True)
def web_worker(scene: Scene, rounds: int) -> None:
    scene.worker()
    facade = scene.facade()
    with scene.flow_over_http(facade.url, resets=True) as flow:
        for _ in range(rounds):
            scene.work_a_while()
            os.kill(facade.worker_pid, signal.SIGKILL)
            scene.accepts_again(now())
    assert not flow.errors, flow.errors[:3]


@case("Redis killed (AOF everysec)", short=3, long=50)
def redis(scene: Scene, rounds: int) -> None:
    scene.worker()
    with scene.flow():
        for _ in range(rounds):
            scene.work_a_while()
            scene.redis.stop(signal.SIGKILL)
            scene.redis.start()
            began = now()
            scene.recovers(began)


@case("gunicorn master killed, under make run", short=2, long=50, linux=True)
def web_master(scene: Scene, rounds: int) -> None:
    """The supervisor waits up to 15 s before it starts what dies again and again; recovery counts from that start."""
    service = scene.whole()
    with scene.flow_over_http(service.url, resets=True) as flow:
        for _ in range(rounds):
            scene.work_a_while()
            facade = family(service.master_pid())
            os.kill(facade[0], signal.SIGKILL)
            until(lambda facade=facade: not any(map(alive, facade)), what="its processes are gone with it")
            until(service.has_master, what="it is started again")
            scene.accepts_again(now())
    assert not flow.errors, flow.errors[:3]


@case("all killed at once, make run again", short=2, long=50, within=10, linux=True)
def everything(scene: Scene, rounds: int) -> None:
    service = scene.whole()
    with scene.flow_over_http(service.url, resets=True) as flow:
        for _ in range(rounds):
            scene.work_a_while()
            service.cut_power()
            service.start()
            began = now()
            scene.recovers(began)
    assert not flow.errors, flow.errors[:3]


def decoder(worker: int) -> int:
    """The process id of one of its children, which decode."""

    def found() -> list[int]:
        return [pid for pid in family(worker)[1:] if b"decode.child" in command_line(pid)]

    return random.choice(until(found, what="it has children that decode"))


def command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def harm_decoders(scene: Scene, rounds: int, how: int) -> None:
    """Whatever a decoder was at: its page is decoded by another."""
    worker = scene.worker()
    with scene.flow():
        for _ in range(rounds):
            scene.work_a_while()
            os.kill(decoder(worker.process.pid), how)
            scene.recovers(now())
    assert worker.process.poll() is None


@case("decoder killed", short=5, long=100, linux=True)
def decoder_killed(scene: Scene, rounds: int) -> None:
    harm_decoders(scene, rounds, signal.SIGKILL)


@case("decoder stopped", short=3, long=50, linux=True)
def decoder_stopped(scene: Scene, rounds: int) -> None:
    harm_decoders(scene, rounds, signal.SIGSTOP)
