"""The Procfile as an operator runs it: a Redis of their own, every line a process."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Self

import requests

from tests.testlib.local_service import ROOT, free_port, redis_binary
from tests.testlib.text_page import page


def answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=5).status_code == 200
    except requests.ConnectionError:
        return False


class Procfile:
    """A Redis, and `honcho start` as the README says it."""

    def __init__(self, folder: Path, **env: str) -> None:
        redis_port, web_port, flower_port = free_port(), free_port(), free_port()
        self.url, self.flower = f"http://127.0.0.1:{web_port}", f"http://127.0.0.1:{flower_port}/api"
        kept = {k: v for k, v in os.environ.items() if not k.startswith("OCR_")}
        kept |= {"REDIS_URL": f"redis://127.0.0.1:{redis_port}/0", "OCR_ENGINE": "scripted", "OCR_HOST": "127.0.0.1"}
        kept |= {"OCR_PORT": str(web_port), "OCR_FLOWER_PORT": str(flower_port), "FLOWER_UNAUTHENTICATED_API": "true"}
        kept["PATH"] = f"{Path(sys.executable).parent}:{kept['PATH']}"
        self.log_path = folder / "log"
        self._log = self.log_path.open("wb")
        redis = [redis_binary(), "--port", str(redis_port), "--dir", str(folder)]
        honcho = [sys.executable, "-m", "honcho", "-e", os.devnull, "start"]
        self._redis = subprocess.Popen(redis, stdout=subprocess.DEVNULL)
        self.honcho = subprocess.Popen(honcho, cwd=ROOT, env={**kept, **env}, stdout=self._log, stderr=self._log)

    @property
    def log(self) -> str:
        """All that its processes have written."""
        return self.log_path.read_text()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process in (self.honcho, self._redis):
            process.send_signal(signal.SIGTERM)
            process.wait(60)
        self._log.close()

    def read_page(self) -> str:
        """Send a page and wait until it is read; its id."""
        sent = requests.post(f"{self.url}/ocr", files={"file": ("a.png", page("hello"))}, timeout=10)
        id = str(sent.json()["task_id"])
        end = time.monotonic() + 60
        while (status := requests.get(f"{self.url}/ocr/{id}", timeout=10).json()["status"]) != "completed":
            assert time.monotonic() < end, (status, self.log)
            time.sleep(0.1)
        return id


def test_every_line_of_the_procfile_runs_and_a_page_is_read_and_seen_in_flower(tmp_path: Path) -> None:
    with Procfile(tmp_path) as run:
        until_answers(f"{run.url}/ready")
        until_answers(f"{run.flower}/tasks")
        id = run.read_page()
        end = time.monotonic() + 30
        while (seen := requests.get(f"{run.flower}/tasks", timeout=5).json().get(id, {})).get("state") != "SUCCESS":
            assert time.monotonic() < end, (seen, run.log)
            time.sleep(0.1)
        assert seen["name"] == "ocr.image"
        assert seen["args"].startswith("('a.png', ")
        assert 0.3 < seen["runtime"] < 3


def test_where_flower_is_not_installed_all_else_runs_and_every_line_of_the_log_is_json(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import sys; sys.modules['flower'] = None\n")
    path = os.pathsep.join(filter(None, (str(tmp_path), os.environ.get("PYTHONPATH"))))
    with Procfile(tmp_path, PYTHONPATH=path) as run:
        until_answers(f"{run.url}/ready")
        id = run.read_page()
        assert run.honcho.poll() is None
    said = [line.partition(" | ")[2] for line in run.log.splitlines() if " | " in line]
    ours = [text for line, text in zip(run.log.splitlines(), said, strict=False) if " system " not in line]
    assert any("Flower is not installed: pip install '.[flower]'" in line for line in said)
    lines = [json.loads(text) for text in ours if text.startswith("{")]
    assert {line["program"] for line in lines} == {"facade", "worker", "export"}
    (sent,) = [
        line for line in lines if line["event"] == "request" and line.get("task_id") == id and line["status"] == 202
    ]
    (read,) = [line for line in lines if line["event"] == "page read"]
    assert (read["task_id"], read["request_id"], read["source"]) == (id, sent["request_id"], "a.png")


def until_answers(url: str, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not answers(url):
        assert time.monotonic() < end, f"{url} does not answer"
        time.sleep(0.1)
