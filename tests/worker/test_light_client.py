"""Whoever only sends pages and asks for results needs no engine, no imaging library and no web framework."""

import os
import subprocess
import sys
from pathlib import Path

from tests.testlib.processes import ROOT, RedisServer

HEAVY = {"PIL", "flask", "numpy", "onnxruntime", "rapidocr", "cv2", "vllm", "torch", "requests_hardened", "pi_heif"}
PROGRAM = """
import sys
from ocr_celery import client
id = client.submit_image(b"an image")
client.submit_url("http://pages.example/1.png")
client.submit_batch(["http://pages.example/2.png"])
client.store_image(b"another image")
assert client.look_up(id).status == "pending"
assert client.stats().pending == 3
from ocr_celery.celery import process_app
app = process_app()
app.send_task("ocr.url", ["http://pages.example/3.png"])
app.control.inspect(timeout=0.1).ping()
assert "ocr_celery.transport.broker" not in sys.modules, "it knows the insides of one version of kombu"
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""


def test_a_client_loads_nothing_that_only_a_worker_or_the_facade_needs(redis: RedisServer, tmp_path: Path) -> None:
    environment = {**os.environ, "REDIS_URL": redis.url, "PYTHONPATH": str(ROOT)}
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=tmp_path, env=environment, text=True, capture_output=True, check=False
    )
    assert run.returncode == 0, run.stderr
    loaded = set(run.stdout.split())
    assert {"celery", "redis", "ocr_celery"} <= loaded
    assert not loaded & HEAVY
