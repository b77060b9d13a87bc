"""What the tests ask of a running service over HTTP."""

import time
from typing import Any

import requests

PATIENCE = 90.0  #: seconds for what takes a few


def finished(where: str) -> dict[str, Any]:
    """The task or batch at this address, once it is final."""
    end = time.monotonic() + PATIENCE
    while (task := requests.get(where, timeout=10).json())["status"] in ("pending", "processing"):
        assert time.monotonic() < end, task
        time.sleep(0.1)
    return dict(task)


def upload(base_url: str, data: bytes, name: str = "page.png", **options: object) -> dict[str, Any]:
    answer = requests.post(f"{base_url}/ocr", files={"file": (name, data)}, data=options, timeout=10)
    assert answer.status_code == 202, answer.text
    assert answer.headers["Location"] == f"/ocr/{answer.json()['task_id']}"
    return finished(base_url + answer.headers["Location"])
