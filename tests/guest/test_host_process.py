"""A process of another service that uses our client: its settings are its own, and nothing of ours ends it."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.testlib.host_process import Host
from tests.testlib.processes import ROOT, RedisServer, free_port

#: variables that mean something else to the service, or are of no use to a client
HOSTILE = {
    "OCR_SERVICE_URL": "http://ocr.internal",
    "OCR_TIMEOUT": "soon",
    "OCR_PORT": "eighty",
    "OCR_BATCH_SIZE": "1000",
    "OCR_DEFAULT_PROMPT": "<image><image>",
    "OCR_ENGINE": "tesseract",
    "CELERY_BROKER_URL": "redis://cache.internal/3",
    "CELERY_RESULT_BACKEND": "redis://cache.internal/4",
    "REDIS_URL": "redis://cache.internal/5",
}

SENDS = """
from ocr_celery import client
ids = [client.submit_image(b"an image"), client.submit_url("http://pages.example/1.png")]
ids.append(client.default().app.send_task("ocr.url", ["http://pages.example/2.png"]).id)
assert client.look_up(ids[0]).status == "pending"
assert client.stats().pending == 2
from ocr_celery.celery import process_app
app = process_app()
app.send_task("ocr.url", ["http://pages.example/3.png"])
print("goes on")
"""


def lists(redis: RedisServer) -> list[bytes]:
    """The lists that tasks wait in, the queue's and those of its lanes."""
    return [key for key in redis.client.scan_iter() if redis.client.type(key) == b"list"]


def test_foreign_and_wrong_variables_end_nothing_and_lead_nowhere_else(host: Host, redis: RedisServer) -> None:
    done = host(SENDS, **HOSTILE, OCR_REDIS_URL=redis.url)
    assert (done.returncode, done.stdout, done.stderr) == (0, "goes on\n", "")
    assert sum(redis.client.llen(key) for key in lists(redis)) == 4
    assert all(b"ocr" in key for key in lists(redis))


def test_the_env_file_of_the_service_is_not_read(host: Host, redis: RedisServer, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("OCR_QUEUE=elsewhere\nOCR_TIMEOUT=soon\nREDIS_URL=redis://cache.internal/5\n")
    done = host(SENDS, REDIS_URL=redis.url)
    assert (done.returncode, done.stdout, done.stderr) == (0, "goes on\n", "")
    assert not any(b"elsewhere" in key for key in redis.client.scan_iter())


def test_a_slip_in_a_name_or_a_value_that_a_client_needs_is_warned_of_once(host: Host, redis: RedisServer) -> None:
    wrong = {"OCR_TASK_TTL": "long", "OCR_QUEU": "mine"}
    done = host(SENDS, **wrong, OCR_REDIS_URL=redis.url)
    assert (done.returncode, done.stdout) == (0, "goes on\n")
    lines = sorted(set(done.stderr.splitlines()))
    assert [line.partition(",")[0].partition(";")[0] for line in lines] == [
        "OCR_QUEU: there is no such setting",
        "OCR_TASK_TTL: got 'long'",
    ]
    assert "did you mean OCR_QUEUE?" in lines[0]


@pytest.mark.parametrize("url", ["redis+sentinel://:secret@h/0", "redis://:secret@h:port/0", "h:6379?secret"])
def test_an_address_of_redis_that_is_none_is_an_error_that_can_be_caught(host: Host, url: str) -> None:
    program = """
from ocr_celery import client, errors
try:
    client.submit_url("http://pages.example/1.png")
except errors.BrokerUnavailable as exc:
    print(exc)
"""
    done = host(program, OCR_REDIS_URL=url, REDIS_URL="redis://127.0.0.1:1/0")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(
        "OCR_REDIS_URL or REDIS_URL is not the address of a Redis; expected redis://HOST:6379/0"
    )
    assert "secret" not in done.stdout + done.stderr


def test_settings_in_code_need_no_environment(host: Host, redis: RedisServer) -> None:
    program = f"""
from ocr_celery.client import Client
from ocr_celery.settings import Settings
ocr = Client(Settings(redis_url={redis.url!r}, queue="scans"))
ocr.submit_url("http://pages.example/1.png")
ocr.submit_batch(["http://pages.example/2.png", "http://pages.example/3.png"])
ocr.app.send_task("ocr.url", ["http://pages.example/4.png"])
print(ocr.app.conf.task_default_queue)
"""
    done = host(program, **HOSTILE)
    assert (done.returncode, done.stdout, done.stderr) == (0, "scans\n", "")
    assert sum(redis.client.llen(key) for key in lists(redis)) == 4
    assert all(b"scans" in key for key in lists(redis))


@pytest.mark.parametrize(
    "program",
    [
        ("celery", "-A", "ocr_celery", "worker", "-n", "strict@test"),
        ("celery", "-A", "ocr_celery", "status"),
        ("gunicorn", "-c", "python:web.gunicorn_conf", "web.wsgi:app"),
        ("ocr_celery.local",),
    ],
    ids=["worker", "celery status", "facade", "make run"],
)
def test_the_service_s_own_programs_are_strict(program: tuple[str, ...]) -> None:
    away = {"REDIS_URL": f"redis://127.0.0.1:{free_port()}/0", "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, "-m", *program],
        cwd=ROOT,
        env={**away, "OCR_BATCH_SZE": "4"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode != 0
    assert done.stderr.splitlines()[-1:] == [
        "ocr-celery: OCR_BATCH_SZE: there is no such setting; did you mean OCR_BATCH_SIZE?"
    ]


def test_a_program_of_the_service_reads_the_env_file_where_it_is_started(redis: RedisServer, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"REDIS_URL={redis.url}\nOCR_QUEUE=scans\nOCR_TASK_TTL=77\n")
    program = (
        "from ocr_celery.celery import app; c = app.conf; print(c.broker_url, c.task_default_queue, c.result_expires)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, f"{redis.url} scans 77\n"), done.stderr
