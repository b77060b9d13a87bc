"""A Redis that answers, but not as wished: callers are told why within a moment, and all goes on by itself afterwards."""

import resource
import signal
import time
from collections.abc import Callable
from pathlib import Path

import requests

from tests.faults.case import case, now
from tests.faults.flow import picture, send_one, through
from tests.faults.scene import Scene
from tests.testlib.processes import until

QUICKLY = 3.0  #: seconds within which a caller is refused


def trouble(
    scene: Scene,
    rounds: int,
    words: str,
    begin: Callable[[], object],
    end: Callable[[], object],
    *,
    url: str = "",
    lasts: float = 2,
) -> None:
    """Between `begin` and `end`, for so many seconds, callers are refused with a sentence that has these words in it."""
    worker, facade = scene.worker(url=url), scene.facade(url=url)
    with scene.flow_over_http(facade.url) as flow:
        for _ in range(rounds):
            scene.work_a_while()
            begin()
            until(lambda: refusal(facade.url) == words, timeout=10, what=f"callers are told: {words}")
            time.sleep(lasts)  # not to be right: the trouble lasts
            assert refusal(facade.url) == words
            end()
            scene.recovers(now())
    assert not flow.errors, flow.errors[:3]
    assert worker.process.poll() is None, "no restart is needed"


def refusal(url: str) -> str:
    """What a caller is told, in place of the task's id, without what is always said."""
    began = now()
    answer = requests.post(f"{url}/ocr", files={"file": ("p.png", picture(99))}, timeout=20)
    assert now() - began < QUICKLY
    if answer.status_code == 202:
        return ""
    assert answer.status_code == 503, answer.text
    assert answer.json()["code"] == "broker_unavailable"
    assert int(answer.headers["Retry-After"]) > 0
    return str(answer.json()["detail"]).removeprefix("Redis (the task broker) ").partition(".")[0]


@case("Redis full (maxmemory)", short=1, long=10)
def full(scene: Scene, rounds: int) -> None:
    def begin() -> None:
        scene.redis.client.config_set("maxmemory", scene.redis.client.info("memory")["used_memory"] // 2)

    def end() -> None:
        until(lambda: not scene.unfinished(), what="workers go on, so that it empties itself")
        assert scene.client.stats().workers == 1
        scene.redis.client.config_set("maxmemory", 0)

    trouble(scene, rounds, "is out of memory; no pages are accepted until others finish", begin, end)


@case("a worker starts while Redis is full", short=1, long=10)
def starts_while_full(scene: Scene, rounds: int) -> None:
    send = through(scene.client)
    for _ in range(rounds):
        for _ in range(30):
            send_one(send, scene.ledger)
        scene.redis.client.config_set("maxmemory", scene.redis.client.info("memory")["used_memory"] // 2)
        began = now()
        worker = scene.worker(ready=False)
        until(lambda: scene.unfinished() == 0, timeout=60, what="it reads what waits")
        scene.recovered.append(now() - began)
        scene.redis.client.config_set("maxmemory", 0)
        assert scene.client.stats().workers == 1
        worker.signal(signal.SIGTERM)
        assert worker.wait() == 0


@case("Redis read-only (made a replica)", short=1, long=10)
def read_only(scene: Scene, rounds: int) -> None:
    def begin() -> None:
        scene.redis.client.execute_command("REPLICAOF", "127.0.0.1", "1")

    def end() -> None:
        scene.redis.client.execute_command("REPLICAOF", "NO", "ONE")

    trouble(scene, rounds, "is read-only", begin, end)


@case("Redis whose disk is full", short=1, long=10)
def disk_full(scene: Scene, rounds: int) -> None:
    def begin() -> None:
        written = max(file.stat().st_size for file in Path(scene.redis.folder.name).glob("appendonlydir/*"))
        _limit_files(scene, written)

    def end() -> None:
        _limit_files(scene, resource.RLIM_INFINITY)

    # longer than it takes until a worker asks whether its connections live, which such a Redis refuses to say
    trouble(scene, rounds, "rejects commands; see the log of Redis or of this service", begin, end, lasts=12)


def _limit_files(scene: Scene, size: int) -> None:
    resource.prlimit(scene.redis.process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


@case("Redis loading its data", short=1, long=10)
def loading(scene: Scene, rounds: int) -> None:
    proxy = scene.proxy()
    begin = lambda: proxy.say("LOADING Redis is loading the dataset in memory")  # noqa: E731
    trouble(scene, rounds, "is still loading its data", begin, proxy.mend, url=proxy.url)


@case("Redis with another password", short=1, long=10)
def password(scene: Scene, rounds: int) -> None:
    proxy = scene.proxy()

    def end() -> None:
        proxy.mend()
        proxy.break_connections()

    begin = lambda: proxy.say("NOAUTH Authentication required.")  # noqa: E731
    words = "does not accept this service's password (REDIS_URL)"
    trouble(scene, rounds, words, begin, end, url=proxy.url)
