"""If any part of a worker dies or hangs while it reads, no page is lost and no process is left; ROUNDS times."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from poison import TOKENS as POISON

from ocr_celery.client import Client
from ocr_celery.consumer.shutdown import EXIT_ENGINE_FAILED
from ocr_celery.core.status import Status
from ocr_celery.settings import Settings
from tests.testlib.processes import RedisServer, Worker, final, png, until
from tests.testlib.vllm.pages import LAYOUT, NO_GUARD, ROUND, SENTENCE
from tests.testlib.vllm.processes import family, named

ROUNDS = int(os.environ.get("ROUNDS", "1"))
WARM = 300  #: seconds a worker may take to load and read on a busy machine
WATCHDOG = 30  #: seconds; a step of four pages may take many on a busy machine
ENDS = {
    "the engine is killed": ("EngineCore", signal.SIGKILL, EXIT_ENGINE_FAILED),
    "the process that computes is killed": ("VLLM::Worker", signal.SIGKILL, EXIT_ENGINE_FAILED),
    "the worker is killed": ("celery", signal.SIGKILL, -signal.SIGKILL),
    "the engine hangs": ("EngineCore", signal.SIGSTOP, EXIT_ENGINE_FAILED),
}


class Supervisor:
    """Starts the worker, and again whenever it ended."""

    def __init__(self, checkpoint: Path, redis: RedisServer) -> None:
        model = {"OCR_ENGINE": "vllm", "OCR_MODEL_PATH": checkpoint, "OCR_MAX_MODEL_LEN": 4096}
        often = {"OCR_DEFAULT_MAX_TOKENS": 4096, "OCR_BATCH_SIZE": 4, "OCR_MAX_REREADS": 0}
        self.settings = {**model, **often, "OCR_ENGINE_WATCHDOG": WATCHDOG}
        self.redis = redis
        self.ends = -1
        self.start()

    def start(self) -> None:
        self.worker = Worker("gpu", self.redis.url, self.settings)
        self.ends += 1

    def ready(self) -> bool:
        assert self.worker.process.poll() is None, self.worker.log
        return f"{self.worker.name} ready." in self.worker.log

    def look(self) -> None:
        """What a supervisor does all the time."""
        if self.worker.process.poll() is not None:
            assert self.worker.process.returncode == EXIT_ENGINE_FAILED, self.worker.log
            self.start()


@pytest.fixture(scope="module")
def running(checkpoint: Path, redis: RedisServer) -> Iterator[Supervisor]:
    """One for all tests of this module, each of which leaves a worker: loading the engine takes most of their time."""
    redis.client.flushall()
    supervisor = Supervisor(checkpoint, redis)
    try:
        yield supervisor
    finally:
        supervisor.worker.end()


@pytest.fixture
def supervisor(running: Supervisor) -> Supervisor:
    until(running.ready, timeout=WARM, what="the worker is warm")
    return running


@pytest.fixture
def client(redis: RedisServer) -> Client:
    return Client(Settings(redis_url=redis.url))


def test_results_say_how_pages_were_read_and_by_what(supervisor: Supervisor, client: Client, checkpoint: Path) -> None:
    ids = [client.submit_image(png(200, 150), prompt=ROUND, max_tokens=300, **NO_GUARD)]
    ids += [client.submit_image(png(1300, 900), prompt=prompt) for prompt in (SENTENCE, LAYOUT)]
    views = final(client, ids, timeout=WARM)
    assert {view.status for view in views} == {Status.COMPLETED}
    results = [view.result for view in views if view.result]
    assert [result["finish_reason"] for result in results] == ["length", "stop", "stop"]
    assert [result.get("max_tokens", 0) for result in results] == [
        0,
        *(4096 - result["prompt_tokens"] for result in results[1:]),
    ]
    assert {(result["engine"], result["model"]) for result in results} == {("vllm", checkpoint.name)}


@pytest.mark.parametrize("end", ENDS)
def test_every_page_is_read_and_no_process_is_left_when(end: str, supervisor: Supervisor, client: Client) -> None:
    name, how, status = ENDS[end]
    for _ in range(ROUNDS):
        ids = [client.submit_image(png(200 + n, 150), prompt=ROUND, max_tokens=300, **NO_GUARD) for n in range(6)]
        until(lambda: client.stats().processing == 4, what="four pages are inside")
        processes = family(supervisor.worker.process.pid)
        victim = processes[-1].pid if name == "celery" else named(name, [process.pid for process in processes])
        os.kill(victim, how)
        assert supervisor.worker.wait(WATCHDOG + 30) == status
        assert psutil.wait_procs(processes, timeout=30)[1] == []
        supervisor.start()
        views = final(client, ids, timeout=WARM)
        assert [(view.status, view.result and view.result["output_tokens"]) for view in views] == [
            (Status.COMPLETED, 300)
        ] * len(ids)


def test_a_page_that_kills_the_engine_is_read_by_itself_and_only_it_fails(
    supervisor: Supervisor, client: Client
) -> None:
    lengths, ends = [POISON if n == 2 else 40 for n in range(6)], supervisor.ends
    ids = [client.submit_image(png(200, 150), prompt=ROUND, max_tokens=n, **NO_GUARD) for n in lengths]

    def settled() -> bool:
        supervisor.look()
        return all(client.look_up(id).status.final for id in ids)

    until(settled, timeout=2 * WARM, what="all pages are final")
    views = [client.look_up(id) for id in ids]
    codes = [view.error.code if view.error else str(view.status) for view in views]
    assert codes == ["engine_killed" if n == 2 else "completed" for n in range(6)]
    assert supervisor.ends - ends == 3  # twice among others, which quarantines them, and once by itself
