"""What other Python services call: `ocr_celery.client`, as its documentation shows it and in all its answers."""

import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import pytest

from ocr_celery import client, errors
from ocr_celery.client import Client
from ocr_celery.core.status import Status
from ocr_celery.settings import Settings
from tests.testlib.celery_setup import OcrSetup
from tests.testlib.image_server import Origin
from tests.testlib.processes import ROOT, free_port, keys, png, until

SETTINGS = {"OCR_SCRIPTED_SECONDS": 0.3, "OCR_SCRIPTED_FAIL": "luck"}


def example(text: str) -> str:
    """The indented block of a docstring."""
    return textwrap.dedent("\n".join(line for line in text.splitlines() if line.startswith("    ") or not line))


def test_the_example_in_its_documentation_runs_as_it_is_written(celery_setup: OcrSetup, tmp_path: Path) -> None:
    program = example(client.__doc__ or "")
    assert program.count("client.") == 2
    (tmp_path / "page.jpg").write_bytes(png(210))
    environment = {**os.environ, "REDIS_URL": celery_setup.redis.url, "PYTHONPATH": str(ROOT)}
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=environment, text=True, capture_output=True, check=False
    )
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout == "completed page of 210 x 20, Free OCR.\n"


@pytest.mark.parametrize("send", [client.submit_image, client.store_image])
def test_what_can_be_no_image_is_refused_where_it_is_sent(celery_setup: OcrSetup, tmp_path: Path, send: Any) -> None:
    with pytest.raises(errors.EmptyFile):
        send(b"")
    for wrong in ("page.jpg", tmp_path, None):
        with pytest.raises(TypeError, match=r"data must be the bytes of an image, not .*read\(\)"):
            send(wrong)


def test_urls_that_are_no_list_are_refused(celery_setup: OcrSetup) -> None:
    with pytest.raises(ValueError, match="a list with at least one URL"):
        client.submit_batch("http://a/")


def test_without_redis_url_the_error_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ocr_celery.settings.LOCAL_REDIS", f"redis://127.0.0.1:{free_port()}/0")
    with pytest.raises(errors.BrokerUnavailable, match=r"No Redis answers at .* REDIS_URL, .* is not set"):
        Client(Settings(redis_url="")).stats()


def test_an_image_is_sent_waited_for_and_looked_up(celery_setup: OcrSetup) -> None:
    before = time.time()
    id = client.submit_image(png(211), name="scan 1.png", prompt="Free OCR.", max_tokens=2)
    first = client.look_up(id)
    assert (first.id, first.status.final, first.result, first.error) == (id, False, None, None)
    view = client.wait(id, timeout=60)
    assert view == client.look_up(id)
    assert view.status is Status.COMPLETED
    assert view.result is not None
    assert (view.result["text"], view.result["finish_reason"]) == ("page of", "length")
    assert before <= first.created_at == view.created_at < view.updated_at <= time.time()
    assert view.updated_at >= first.updated_at


def test_a_url_and_a_batch_are_sent_and_looked_up(celery_setup: OcrSetup, origin: Origin) -> None:
    id = client.submit_url(origin.page(212))
    batch = client.submit_batch([origin.page(213), "nowhere"], max_tokens=1)
    assert client.wait(id, timeout=60).result["width"] == 212  # type: ignore[index]
    view = until(lambda: (b := client.look_up_batch(batch)).status.final and b)
    assert (view.id, view.status) == (batch, Status.COMPLETED)
    assert [url for url, _ in view.items] == [origin.page(213), "nowhere"]
    assert view.items[0][1].result["text"] == "page"  # type: ignore[index]
    assert view.created_at < view.updated_at == max(task.updated_at for _, task in view.items)


def test_a_stored_image_is_read_by_its_reference(celery_setup: OcrSetup) -> None:
    reference = client.store_image(png(214))
    assert celery_setup.send("ocr.image", reference).get(timeout=60)["width"] == 214


def test_waiting_ends_with_the_time(celery_setup: OcrSetup) -> None:
    id = client.submit_image(png())
    with pytest.raises(TimeoutError, match=f"task {id} is still (pending|processing) after 0.1 s"):
        client.wait(id, timeout=0.1)
    client.wait(id, timeout=60)


@pytest.mark.parametrize("id", [None, 5, "", "None"])
def test_what_is_no_id_is_a_task_that_is_not_known(celery_setup: OcrSetup, id: Any) -> None:
    with pytest.raises(errors.TaskNotFound):
        client.look_up(id)


def test_a_failed_task_says_why(celery_setup: OcrSetup) -> None:
    view = client.wait(client.submit_image(png(), prompt="bad luck"), timeout=60)
    assert (view.status, view.result) == (Status.FAILED, None)
    assert isinstance(view.error, errors.EngineFailed)
    assert view.error.message == "The script says that this page fails."


def test_what_is_unknown_is_not_found(celery_setup: OcrSetup) -> None:
    with pytest.raises(errors.TaskNotFound, match="Task nobody not found"):
        client.look_up("nobody")
    with pytest.raises(errors.TaskNotFound, match="Task nobody not found"):
        client.look_up_batch("nobody")


def test_a_bad_option_is_refused_and_nothing_is_queued(celery_setup: OcrSetup) -> None:
    before = client.stats().total
    for send in (
        lambda: client.submit_image(png(), temperature=9),
        lambda: client.submit_url("http://x.example/", promt="?"),
        lambda: client.submit_batch(["http://x.example/"], max_tokens=0),
    ):
        with pytest.raises(errors.BadOption):
            send()
    assert client.stats().total == before


def test_a_full_service_takes_nothing_in_but_a_batch_that_began_below_the_limit(celery_setup: OcrSetup) -> None:
    small = Client(Settings(redis_url=celery_setup.redis.url, max_queue_size=8), service=True)
    until(lambda: celery_setup.open_tasks() == 0)
    batch = small.submit_batch(["nowhere"] * 3 + [f"http://127.0.0.1:{free_port()}/x"] * 9)
    assert small.stats().pending >= 8
    kept = kept_of(celery_setup)
    for send in (
        lambda: small.submit_image(png()),
        lambda: small.submit_url("http://x.example/"),
        lambda: small.submit_batch(["http://x.example/"]),
    ):
        with pytest.raises(errors.QueueFull):
            send()
    assert kept_of(celery_setup) == kept
    for _, task in small.look_up_batch(batch).items:
        celery_setup.revoke(task.id)
    until(lambda: celery_setup.open_tasks() == 0)
    assert small.submit_image(png())


def kept_of(celery_setup: OcrSetup) -> set[bytes]:
    """The records of tasks and batches, and their images."""
    return {
        key
        for kind in ("task", "blob", "batch")
        for key in celery_setup.redis.client.scan_iter(f"{keys.prefix}{kind}:*")
    }


def test_a_redis_that_is_away_is_said_so_within_3_seconds(celery_setup: OcrSetup) -> None:
    away = Client(Settings(redis_url=f"redis://127.0.0.1:{free_port()}/0"))
    for ask in (
        lambda: away.store_image(b"x"),
        lambda: away.look_up("x"),
        lambda: away.look_up_batch("x"),
        away.stats,
        lambda: away.wait("x", timeout=9),
        lambda: away._accept(["x"], [], now=1.0),
    ):
        began = time.monotonic()
        with pytest.raises(errors.BrokerUnavailable):
            ask()
        assert time.monotonic() - began < 3


def test_the_counts_tell_how_many_tasks_stand_where(celery_setup: OcrSetup) -> None:
    until(lambda: celery_setup.open_tasks() == 0)
    before = client.stats()
    assert (before.workers, before.queue_limit) == (1, 10_000)
    assert before.total == before.completed + before.failed
    ids = [client.submit_image(png()), client.submit_image(png(), prompt="bad luck")]
    assert client.stats().total == before.total + 2
    for id in ids:
        client.wait(id, timeout=60)
    after = client.stats()
    assert (after.completed, after.failed) == (before.completed + 1, before.failed + 1)
