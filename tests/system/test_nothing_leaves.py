"""Nothing leaves this machine, and nothing is left on it outside the service's own folders."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.testlib.local_service import LocalService
from tests.testlib.processes import until
from tests.testlib.service_calls import finished, upload
from tests.testlib.system_calls import DEVICES, Trace, require_strace
from tests.testlib.text_page import page


@pytest.fixture(params=["scripted", "rapidocr"])
def traced(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[LocalService, Trace]]:
    """`make run` with one of the engines in an empty home, with every call of its processes noted."""
    require_strace(tmp_path / "tried")
    own = {name: tmp_path / name for name in ("data", "home", "temp")}
    for folder in own.values():
        folder.mkdir()
    trace = Trace(tmp_path / "trace")
    service = LocalService(
        own["data"],
        OCR_ENGINE=request.param,
        OCR_URL_ALLOW="127.0.0.1",
        HOME=own["home"],
        TMPDIR=own["temp"],
        PYTHONDONTWRITEBYTECODE=1,  # what installing did not compile would be, beside its source
    )
    service.before = trace.command
    for name in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME"):
        service.env.pop(name, None)
    with service:
        yield service, trace


def test_no_question_no_connection_and_no_file_leave_the_service(
    traced: tuple[LocalService, Trace], files: str, tmp_path: Path
) -> None:
    service, trace = traced
    (tmp_path / "page.png").write_bytes(page("Behind a URL"))
    assert upload(service.url, page("Read here"))["status"] == "completed"
    answer = requests.post(f"{service.url}/ocr/url", json={"url": f"{files}/page.png"}, timeout=10)
    assert finished(service.url + answer.headers["Location"])["status"] == "completed"
    service.stop()
    until(lambda: trace.complete, timeout=60, what="every process of it has ended")
    assert trace.outside() == set()
    written = trace.written()
    assert any(path.is_relative_to(tmp_path / "data") for path in written)  # else nothing was seen
    allowed = (tmp_path / "data", tmp_path / "temp", *DEVICES)
    assert {path for path in written if not any(path.is_relative_to(folder) for folder in allowed)} == set()
    assert list((tmp_path / "home").iterdir()) == []


def test_the_trace_shows_what_would_be_forbidden(tmp_path: Path) -> None:
    """What the other test relies on."""
    require_strace(tmp_path / "tried")
    trace = Trace(tmp_path / "trace")
    program = f"""
import os, socket, threading
def ask():
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).connect(("127.0.0.1", 53))
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).connect(("192.0.2.1", 9))
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).connect(("127.0.0.1", 9))
threading.Thread(target=ask).start()
os.chdir({str(tmp_path)!r})
open("written", "w"), open({str(tmp_path)!r} + "/written"), os.mkdir({str(tmp_path / "made")!r})
"""
    subprocess.run([*trace.command, sys.executable, "-c", program], check=True, timeout=60)
    until(lambda: trace.complete, timeout=60, what="every process of it has ended")
    assert len(trace.outside()) == 2
    assert trace.written() - {Path("/dev/null")} == {tmp_path / "written", tmp_path / "made"}
