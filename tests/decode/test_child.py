"""The loop of a child process, run here: its answers, its limits, and when it ends. `test_pool` runs it in real processes."""

import mmap
import os
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from ocr_celery.core.document_info import DocumentInfo
from ocr_celery.core.page import Page
from ocr_celery.decode import child, document, image, process_limits, protocol
from ocr_celery.decode.child import serve
from ocr_celery.decode.protocol import (
    ANSWER,
    READY,
    Operation,
    OutOfMemoryAnswer,
    PageAnswer,
    RefusalAnswer,
    Request,
)
from ocr_celery.errors import NotAnImage, PasswordNeeded, TooManyPixels, Unreadable
from tests.testlib import hostile_documents
from tests.testlib.hostile_images import saved
from tests.testlib.processes import ROOT

ADDRESS_SPACE = 1 << 40
PICTURE = saved(Image.linear_gradient("L").resize((40, 30)).convert("RGB"), "PNG")
Limits = list[tuple[int, tuple[int, int]]]


@pytest.fixture(autouse=True)
def limits(monkeypatch: pytest.MonkeyPatch) -> Limits:
    """What the loop would set as limits of its process, which here is the one that runs the tests."""
    found: Limits = []
    monkeypatch.setattr(resource, "setrlimit", lambda which, both: found.append((which, both)))
    monkeypatch.setattr(resource, "getrlimit", lambda _: (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    return found


def request(data: bytes, *, max_pixels: int = 10_000, memory: int = 1 << 20, seconds: float = 7.0) -> bytes:
    return Request(length=len(data), max_pixels=max_pixels, max_side=100, memory=memory, seconds=seconds).pack() + data


def answers(requests: bytes, load: Callable[..., Page] = image.load) -> bytes:
    """All that the loop answers to these requests, of any length: a pipe holds only some."""
    reading, writing = os.pipe()

    def run() -> None:
        try:
            serve(BytesIO(requests), writing, load, ADDRESS_SPACE)
        finally:
            os.close(writing)

    thread = threading.Thread(target=run)
    thread.start()
    with os.fdopen(reading, "rb") as pipe:
        received = pipe.read()
    thread.join()
    assert received.startswith(READY)
    return received[len(READY) :]


def parsed(answer: bytes) -> Any:
    return protocol.parse_answer(
        answer[: ANSWER.size], Request(length=1, max_pixels=10_000, max_side=100, memory=1, seconds=1)
    )


def test_a_page_is_answered_with_its_sizes_and_then_its_pixels() -> None:
    answer = answers(request(PICTURE))
    assert parsed(answer) == PageAnswer(image_width=40, image_height=30, width=40, height=30, pages=1)
    here = image.load(PICTURE, max_pixels=10_000, max_side=100)
    assert answer[ANSWER.size :] == here.image.tobytes()


def asked_of(path: Path, operation: Operation, *, number: int = 1, password: str = "") -> tuple[Request, bytes]:
    source = protocol.pack_location(path, password)
    asked = Request(
        operation=operation,
        number=number,
        length=len(source),
        max_pixels=10_000,
        max_side=100,
        memory=1 << 20,
        seconds=7.0,
    )
    return asked, asked.pack() + source


def test_a_document_is_answered_with_its_pages_and_a_page_with_its_pixels(tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(hostile_documents.batch_task_ids(12))
    opens, opening = asked_of(path, Operation.OPEN)
    takes, taking = asked_of(path, Operation.PAGE, number=5)
    answer = answers(opening + request(PICTURE) + taking)
    assert protocol.parse_answer(answer[: ANSWER.size], opens) == DocumentInfo(kind="pdf", pages=12)
    image_end = 2 * ANSWER.size + 3 * 40 * 30
    page = protocol.parse_answer(answer[image_end : image_end + ANSWER.size], takes)
    here = document.load_page(path, "", 5, max_pixels=10_000, max_side=100)
    assert page == PageAnswer(image_width=71, image_height=100, width=71, height=100, pages=12)
    assert answer[image_end + ANSWER.size :] == here.image.tobytes()


def test_a_password_is_that_of_its_request_only(tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(hostile_documents.encrypted("geheim"))
    asked, opening = asked_of(path, Operation.OPEN, password="geheim")
    _, again = asked_of(path, Operation.OPEN)
    answer = answers(opening + again)
    assert protocol.parse_answer(answer[: ANSWER.size], asked) == DocumentInfo(kind="pdf", pages=1)
    refused = protocol.parse_answer(answer[ANSWER.size : 2 * ANSWER.size], asked)
    assert isinstance(refused, RefusalAnswer)
    assert type(refused.error(answer[2 * ANSWER.size :])) is PasswordNeeded


def test_answers_come_in_the_order_of_requests_and_an_error_ends_only_its_own() -> None:
    answer = answers(request(PICTURE) + request(PICTURE[:-20]) + request(b"<svg/>") + request(PICTURE))
    page = ANSWER.size + 3 * 40 * 30
    refused = answer[page:-page]
    first = parsed(refused)
    assert isinstance(first, RefusalAnswer)
    end = ANSWER.size + first.length
    assert type(first.error(refused[ANSWER.size : end])) is Unreadable
    second = parsed(refused[end:])
    assert type(second.error(refused[end + ANSWER.size :])) is NotAnImage
    assert answer[:page] == answer[-page:]


def test_the_limit_of_pixels_is_that_of_the_request() -> None:
    answer = answers(request(PICTURE, max_pixels=100))
    assert type(parsed(answer).error(answer[ANSWER.size :])) is TooManyPixels


def test_a_lack_of_memory_is_no_error_of_the_file() -> None:
    def load(*_: object, **__: object) -> Page:
        raise MemoryError

    assert isinstance(parsed(answers(request(PICTURE), load)), OutOfMemoryAnswer)


def test_a_defect_ends_the_child_without_an_answer() -> None:
    def load(*_: object, **__: object) -> Page:
        raise ZeroDivisionError

    reading, writing = os.pipe()
    try:
        with pytest.raises(ZeroDivisionError):
            serve(BytesIO(request(PICTURE)), writing, load, ADDRESS_SPACE)
        assert os.read(reading, 100) == READY
    finally:
        os.close(reading)
        os.close(writing)


@pytest.mark.parametrize("cut", [1, len(PICTURE), len(PICTURE) + 1, len(request(PICTURE))])
def test_the_loop_ends_where_its_input_ends_even_within_a_request(cut: int) -> None:
    assert answers(request(PICTURE)[:-cut]) == b""


def test_memory_and_time_are_limited_while_a_page_is_decoded_and_memory_is_given_back_after_it(limits: Limits) -> None:
    used = child._cpu_seconds()
    seen: list[Limits] = []

    def load(data: bytes, **sizes: int) -> Page:
        seen.append(list(limits))
        return image.load(data, **sizes)

    answers(request(PICTURE, memory=5_000_000, seconds=9), load)
    (memory, (soft, hard)), (time, (seconds, _)) = seen[0]
    assert memory == resource.RLIMIT_AS
    assert soft >= 5_000_000 + len(PICTURE)
    assert hard == resource.RLIM_INFINITY, "a limit that is to be raised again"
    assert time == resource.RLIMIT_CPU
    assert used + 9 <= seconds <= child._cpu_seconds() + 9 + child._CPU_MARGIN_SECONDS + 1
    assert limits[2:] == [(resource.RLIMIT_AS, (ADDRESS_SPACE, resource.RLIM_INFINITY))]


def test_a_limit_is_never_above_the_hard_one(limits: Limits, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (10, 100))
    process_limits.set_limit(resource.RLIMIT_NOFILE, 1000)
    process_limits.set_limit(resource.RLIMIT_NOFILE, 50)
    process_limits.set_limit(resource.RLIMIT_NOFILE, 50, soft=True)
    assert [both for _, both in limits] == [(100, 100), (50, 50), (50, 100)]


def test_a_system_without_a_limit_is_no_reason_to_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise ValueError("not allowed to raise maximum limit")

    monkeypatch.setattr(resource, "setrlimit", refuse)
    process_limits.set_limit(resource.RLIMIT_AS, 1)


@pytest.mark.skipif(sys.platform != "linux", reason="it needs /proc")
def test_the_address_space_in_use_is_known_and_grows() -> None:
    before = child._address_space_used()
    assert before > 0
    with mmap.mmap(-1, 64 << 20) as more:  # a separate mapping, where an allocator might use again what was freed
        assert child._address_space_used() - before > len(more) // 2


START = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from ocr_celery.decode.child import main; main()"


def test_a_child_of_another_process_than_its_worker_ends_at_once() -> None:
    arguments = [sys.executable, "-c", START, str(ROOT), "1" if os.getpid() != 1 else "2", str(ADDRESS_SPACE)]
    done = subprocess.run(arguments, stdin=subprocess.DEVNULL, capture_output=True, timeout=120, check=False)
    assert (done.returncode, done.stdout) == (0, b"")


def test_signals_for_the_group_of_its_worker_do_not_end_a_child() -> None:
    arguments = [sys.executable, "-c", START, str(ROOT), str(os.getpid()), str(ADDRESS_SPACE)]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.read(len(READY)) == READY
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
            process.send_signal(number)
        process.stdin.write(request(PICTURE))
        assert len(process.stdout.read(ANSWER.size)) == ANSWER.size
        process.stdin.close()
        process.stdout.read()
        assert process.wait(60) == 0
