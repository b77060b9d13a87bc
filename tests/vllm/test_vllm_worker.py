"""A worker that reads with vLLM: through Celery and Redis, with the engine's processes dying, and dying itself."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from ocr_celery.client import Client
from ocr_celery.consumer.shutdown import EXIT_ENGINE_FAILED
from ocr_celery.core.status import Status
from ocr_celery.settings import Settings
from tests.testlib.processes import RedisServer, Worker, final, png, until
from tests.testlib.vllm.pages import LAYOUT, NO_GUARD, ROUND, SENTENCE
from tests.testlib.vllm.processes import WARM, family, named, ready


@pytest.fixture
def workers() -> Iterator[list[Worker]]:
    """Those that are put in are ended."""
    started: list[Worker] = []
    yield started
    for worker in started:
        worker.end()


def start(checkpoint: Path, redis: RedisServer) -> Worker:
    settings = {"OCR_ENGINE": "vllm", "OCR_MODEL_PATH": checkpoint, "OCR_MAX_MODEL_LEN": 4096}
    return Worker("gpu", redis.url, {**settings, "OCR_DEFAULT_MAX_TOKENS": 4096, "OCR_BATCH_SIZE": 4})


def test_no_page_is_lost_and_no_process_left_whichever_of_them_is_killed(
    checkpoint: Path, redis: RedisServer, workers: list[Worker]
) -> None:
    client = Client(Settings(redis_url=redis.url))
    ids = [client.submit_image(png(200 + n, 150), prompt=ROUND, max_tokens=600, **NO_GUARD) for n in range(6)]
    workers.append(first := start(checkpoint, redis))
    until(lambda: ready(first), timeout=WARM, what="the first worker is warm")
    until(lambda: client.stats().processing == 4, what="four pages are inside")
    processes = family(first.process.pid)
    os.kill(named("EngineCore", [process.pid for process in processes]), signal.SIGKILL)
    assert first.wait() == EXIT_ENGINE_FAILED
    assert psutil.wait_procs(processes, timeout=5)[1] == []

    workers.append(second := start(checkpoint, redis))
    ids += [client.submit_image(png(1300, 900), prompt=prompt) for prompt in (SENTENCE, LAYOUT)]
    views = final(client, ids, timeout=WARM)
    assert {view.status for view in views} == {Status.COMPLETED}
    results = [view.result for view in views if view.result]
    assert [(result["finish_reason"], result["output_tokens"]) for result in results[:6]] == [("length", 600)] * 6
    assert [result["finish_reason"] for result in results[6:]] == ["stop", "stop"]
    assert [result.get("max_tokens", 0) for result in results] == [0] * 6 + [
        4096 - result["prompt_tokens"] for result in results[6:]
    ]
    assert {(result["engine"], result["model"]) for result in results} == {("vllm", checkpoint.name)}

    processes = family(second.process.pid)
    second.kill()
    assert psutil.wait_procs(processes, timeout=5)[1] == []
