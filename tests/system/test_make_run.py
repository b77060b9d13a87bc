"""`make run` from start to end: what is kept, what comes back, what is said."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import requests

from tests.testlib.local_service import ROOT, LocalService, alive, family
from tests.testlib.text_page import page


def until(condition: Callable[[], object], what: str, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not in time: {what}"
        time.sleep(0.05)


def send(service: LocalService, count: int) -> list[str]:
    ids = []
    for n in range(count):
        answer = requests.post(f"{service.url}/ocr", files={"file": ("a.png", page(f"No. {n}"))}, timeout=10)
        ids.append(str(answer.json()["task_id"]))
    return ids


SLOW = {"OCR_ENGINE": "scripted", "OCR_BATCH_SIZE": 4, "OCR_SCRIPTED_SECONDS": 3}
QUICK = {"OCR_ENGINE": "scripted", "OCR_SCRIPTED_SECONDS": 0.05}


def test_a_stop_finishes_what_is_read_and_the_next_start_reads_the_rest(tmp_path: Path) -> None:
    first = LocalService(tmp_path, **SLOW).start()
    ids = send(first, 30)
    until(lambda: first.stats()["processing"] == 4, "a batch is in the engine")
    assert first.stop(signal.SIGINT) == 0
    assert "stopped; the queue is kept in" in first.log
    with LocalService(tmp_path, **QUICK) as second:
        until(lambda: second.stats()["completed"] == 30, "all are read")
        first_of_all = requests.get(f"{second.url}/ocr/{ids[0]}", timeout=10).json()
        assert first_of_all["status"] == "completed"
        assert "page of 900 x 200" in first_of_all["result"]


def test_a_second_stop_ends_at_once_and_in_order_also_inside_the_cpu_engine(tmp_path: Path) -> None:
    service = LocalService(tmp_path, OCR_ENGINE="rapidocr").start()
    send(service, 12)
    until(lambda: service.stats()["processing"], "a page is in the engine")
    assert service.process
    service.process.send_signal(signal.SIGINT)
    until(lambda: "Warm shutdown" in service.log, "the worker is told to stop")
    assert service.stop(signal.SIGINT) == 0
    assert "terminate called" not in service.log


def test_a_worker_that_dies_is_started_again_and_its_pages_are_read(tmp_path: Path) -> None:
    with LocalService(tmp_path, **{**SLOW, "OCR_SCRIPTED_SECONDS": 0.5}) as service:
        ids = send(service, 12)
        until(lambda: service.stats()["processing"] == 4, "a batch is in the engine")
        os.kill(service.worker_pid(), signal.SIGKILL)
        until(lambda: service.stats()["completed"] == 12, "all are read")
        assert len(set(ids)) == 12
        assert re.search(r"worker died \(signal SIGKILL\), starting again in 0\.5 s", service.log)


def test_when_it_is_killed_outright_nothing_is_left_running_and_nothing_is_lost(tmp_path: Path) -> None:
    service = LocalService(tmp_path, **SLOW, OCR_GRACE=1).start()
    send(service, 6)
    assert service.process
    everyone = family(service.process.pid)
    service.stop(signal.SIGKILL)
    until(lambda: not any(map(alive, everyone)), "all its processes are gone")
    with LocalService(tmp_path, **QUICK) as second:
        until(lambda: second.stats()["completed"] == 6, "all are read")


def test_a_taken_port_is_said_with_one_that_is_free(tmp_path: Path) -> None:
    service = LocalService(tmp_path, **QUICK)
    with socket.create_server(("127.0.0.1", service.port)):
        refused = subprocess.run(
            [sys.executable, "-m", "ocr_celery.local"],
            env=service.env,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert refused.returncode == 1
    found = re.fullmatch(
        r"ocr-celery: port (\d+) is taken \(by another program\): OCR_PORT=(\d+) make run\n", refused.stderr
    )
    assert found
    assert int(found[1]) == service.port


def test_it_says_who_can_reach_it_and_the_command_line_finds_it(tmp_path: Path) -> None:
    (tmp_path / "page.png").write_bytes(page("hello"))
    (tmp_path / "data").mkdir()
    with LocalService(tmp_path / "data", **QUICK) as service:
        assert "reached   from this machine only" in service.log
        line = re.search(r"^or +(\S+ocr-celery) read ", service.log, re.MULTILINE)
        assert line
        env = {name: value for name, value in service.env.items() if name not in ("OCR_PORT", "OCRCELERY_SERVER")}
        command = [str(ROOT / line[1]), "read", str(tmp_path / "page.png")]
        done = subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith("page of 900 x 200")
    assert not (tmp_path / "data/service.url").exists()


def test_a_second_run_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    with LocalService(tmp_path, **QUICK):
        other = LocalService(tmp_path, **QUICK)
        refused = subprocess.run(
            [sys.executable, "-m", "ocr_celery.local"],
            env=other.env,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert refused.returncode == 1
    assert "already running in" in refused.stderr


def test_a_misspelt_setting_is_said_in_one_line(tmp_path: Path) -> None:
    env = LocalService(tmp_path, OCR_BATCH_SZE=4).env
    refused = subprocess.run(
        [sys.executable, "-m", "ocr_celery.local"], env=env, capture_output=True, text=True, timeout=60, check=False
    )
    assert refused.returncode == 2
    assert refused.stderr == "ocr-celery: OCR_BATCH_SZE: there is no such setting; did you mean OCR_BATCH_SIZE?\n"
