"""The Procfile as an operator runs it: a Redis of their own, every line a process."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import requests
from conftest import page
from service import ROOT, free_port, redis_binary


def answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=5).status_code == 200
    except requests.ConnectionError:
        return False


def test_every_line_of_the_procfile_runs_and_a_page_is_read_and_seen_in_flower(tmp_path: Path) -> None:
    redis_port, web_port, flower_port = free_port(), free_port(), free_port()
    env = {k: v for k, v in os.environ.items() if not k.startswith("OCR_")}
    env |= {
        "REDIS_URL": f"redis://127.0.0.1:{redis_port}/0",
        "OCR_ENGINE": "scripted",
        "FLOWER_UNAUTHENTICATED_API": "true",
    }
    env |= {"OCR_PORT": str(web_port), "OCR_HOST": "127.0.0.1", "OCR_FLOWER_PORT": str(flower_port)}
    env["PATH"] = f"{Path(sys.executable).parent}:{env['PATH']}"
    log = (tmp_path / "log").open("wb")
    redis = subprocess.Popen([redis_binary(), "--port", str(redis_port), "--dir", str(tmp_path)], stdout=log)
    honcho = subprocess.Popen(
        [sys.executable, "-m", "honcho", "-e", os.devnull, "start"], cwd=ROOT, env=env, stdout=log, stderr=log
    )
    try:
        until_answers(f"http://127.0.0.1:{web_port}/ready")
        flower = f"http://127.0.0.1:{flower_port}/api"
        until_answers(f"{flower}/tasks")
        sent = requests.post(f"http://127.0.0.1:{web_port}/ocr", files={"file": ("a.png", page("hello"))}, timeout=10)
        id = sent.json()["task_id"]
        end = time.monotonic() + 30
        while (seen := requests.get(f"{flower}/tasks", timeout=5).json().get(id, {})).get("state") != "SUCCESS":
            assert time.monotonic() < end, (seen, (tmp_path / "log").read_text())
            time.sleep(0.1)
        assert seen["name"] == "ocr.image"
        assert seen["args"].startswith("('a.png', ")
        assert 0.3 < seen["runtime"] < 3
    finally:
        for process in (honcho, redis):
            process.send_signal(signal.SIGTERM)
            process.wait(60)
        log.close()


def until_answers(url: str, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not answers(url):
        assert time.monotonic() < end, f"{url} does not answer"
        time.sleep(0.1)
