"""`ocr-celery read` and Ctrl-C."""

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ocr_celery.cli.clock import Clock
from tests.testlib.fake_service import FakeService, fake_service
from tests.testlib.processes import until


@pytest.fixture
def service() -> Iterator[FakeService]:
    with fake_service(Clock()) as fake:
        yield fake


class InProcess:
    """`ocr-celery read` of these arguments as a process that can be interrupted."""

    def __init__(self, service: FakeService, *arguments: object) -> None:
        command = [sys.executable, "-m", "ocr_celery.cli", "read", "--server", service.url, *map(str, arguments)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def interrupt(self) -> None:
        self.process.send_signal(signal.SIGINT)

    def said(self, line: str) -> None:
        """Read its messages until this one."""
        assert self.process.stderr is not None
        while line not in (read := self.process.stderr.readline()):
            assert read, f"it never said {line!r}"

    def end(self) -> tuple[int, str, str]:
        out, err = self.process.communicate(timeout=60)
        return self.process.returncode, out, err


def test_the_first_ctrl_c_stops_sending_and_waits_for_what_was_sent(service: FakeService, tmp_path: Path) -> None:
    page = tmp_path / "a.jpg"
    page.write_text("the text")
    service.held["the text"] = threading.Event()
    run = InProcess(service, page, "http://example.com/x.png", "--jobs", 1)
    until(lambda: service.looks, what="the first is sent and asked for")
    run.interrupt()
    run.said("nothing more is sent, 1 are still being read; Ctrl-C again cancels them")
    run.said(f"a.jpg: {service.url}/ocr/1")
    service.held["the text"].set()
    status, out, _ = run.end()
    assert (status, len(service.tasks), service.cancelled) == (130, 1, [])
    assert "the text" in out


def test_the_second_ctrl_c_cancels_what_was_sent(service: FakeService) -> None:
    service.held = {f"http://example.com/{name}.png": threading.Event() for name in "xy"}
    run = InProcess(service, "http://example.com/x.png", "http://example.com/y.png")
    until(lambda: len(service.looks) >= 2, what="both are sent and asked for")
    run.interrupt()
    run.said("2 are still being read")
    run.interrupt()
    run.said("2 cancelled")
    assert run.end()[:2] == (130, "")
    assert sorted(service.cancelled) == ["/ocr/1/cancel", "/ocr/2/cancel"]
