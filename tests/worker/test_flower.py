"""In Flower each page is a separate task, with its true state and runtime, and without its content."""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.testlib.celery_setup import OcrSetup
from tests.testlib.image_server import Origin
from tests.testlib.processes import ROOT, free_port, png, until

SECONDS = 2  #: in the engine: long enough to look at it from outside on a busy machine
SETTINGS = {"OCR_BATCH_SIZE": 4, "OCR_SCRIPTED_SECONDS": SECONDS, "OCR_SCRIPTED_FAIL": "luck"}


class Flower:
    """The process that `make flower` starts."""

    def __init__(self, redis_url: str) -> None:
        self.url = f"http://127.0.0.1:{free_port()}"
        given = {
            "REDIS_URL": redis_url,
            "OCR_FLOWER_PORT": self.url.rpartition(":")[2],
            "FLOWER_UNAUTHENTICATED_API": "true",
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "ocr_celery.local.flower"],
            cwd=ROOT,
            env={**os.environ, **given},
            start_new_session=True,
        )

    def tasks(self) -> dict[str, Any]:
        answer = requests.get(f"{self.url}/api/tasks", timeout=30)
        answer.raise_for_status()
        return dict(answer.json())

    def knows(self, worker: str) -> bool:
        """Whether it has heard of this worker, and so hears its events."""
        try:
            return worker in requests.get(f"{self.url}/api/workers", timeout=30).json()
        except requests.RequestException:
            return False


def states(flower: Flower) -> Counter[str]:
    return Counter(task["state"] for task in flower.tasks().values())


@pytest.fixture
def flower(celery_setup: OcrSetup) -> Iterator[Flower]:
    flower = Flower(celery_setup.redis.url)
    until(lambda: flower.knows(celery_setup.worker.hostname()), what="Flower has heard of the worker")
    yield flower
    flower.process.terminate()
    flower.process.wait(30)


def test_every_page_is_a_task_with_its_true_state_and_runtime(
    celery_setup: OcrSetup, flower: Flower, origin: Origin
) -> None:
    image = png(300, 200)
    good = [celery_setup.send("ocr.image", image) for _ in range(5)]
    bad = celery_setup.send("ocr.image", png(), kwargs={"prompt": "bad luck"})
    url = celery_setup.client.submit_url(f"{origin.page(100)}?signature=s3cret")
    until(lambda: states(flower) == {"STARTED": 4, "RECEIVED": 2}, what="a batch is in the engine, two are held ahead")
    until(lambda: states(flower) == {"SUCCESS": 6, "FAILURE": 1})
    tasks = flower.tasks()
    assert {id: task["state"] for id, task in tasks.items()} == {
        **{sent.id: "SUCCESS" for sent in good},
        bad.id: "FAILURE",
        url: "SUCCESS",
    }
    for sent in good:
        assert sent.status == "SUCCESS"
        between = tasks[sent.id]["succeeded"] - tasks[sent.id]["started"]
        assert SECONDS <= tasks[sent.id]["runtime"] <= between + 0.3
        assert tasks[sent.id]["args"] == f"(<{len(image)} bytes>)"
        assert tasks[sent.id]["worker"] == celery_setup.worker.hostname()
    assert tasks[url]["args"] == f"({origin.page(100)})"
    assert "s3cret" not in str(tasks)
    assert tasks[bad.id]["exception"].startswith("EngineFailed")
