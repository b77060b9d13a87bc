"""What the tests ask of a running service over HTTP."""

import time
from typing import Any

import requests

#: every call, as `/` and /docs name it
CALLS = frozenset(
    {
        "POST /ocr",
        "POST /ocr/url",
        "POST /ocr/url/batch",
        "GET /ocr/{task_id}",
        "GET /ocr/batch/{batch_task_id}",
        "GET /ocr/{task_id}/events",
        "GET /ocr/batch/{batch_task_id}/events",
        "GET /ocr/{task_id}/result",
        "GET /ocr/{task_id}/pages",
        "GET /ocr/{task_id}/pages/{page}",
        "GET /ocr/{task_id}/pages/{page}/image",
        "POST /ocr/{task_id}/cancel",
        "POST /ocr/batch/{batch_task_id}/cancel",
        "DELETE /ocr/{task_id}",
        "DELETE /ocr/batch/{batch_task_id}",
        "GET /health",
        "GET /ready",
        "GET /stats",
        "GET /",
    }
)
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
