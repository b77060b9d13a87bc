"""On a terminal a log line is short: the time, who says it, and what matters."""

import time
from typing import Any

import pytest

from ocr_celery.logs.terminal import add_colours, format_event, with_program

AT = time.struct_time((2026, 1, 2, 21, 4, 32, 0, 0, 0))
ID = "0eda4be5-64a1-4b0c-8f7e-0f4b2f1c9a55"
HEAD: dict[str, Any] = {"timestamp": "…", "logger": "x", "host": "vm", "program": "x", "request_id": "r" * 32}
REQUEST = {
    **HEAD,
    "event": "request",
    "method": "POST",
    "path": "/ocr",
    "status": 202,
    "ms": 40.3,
    "size": 9,
    "client": "10.0.0.7",
}
PAGE = {
    **HEAD,
    "task_id": ID,
    "task": "ocr.image",
    "source": "page.png",
    "waited": 1.0,
    "prepared": 0.5,
    "read": 11.08,
    "batch": 3,
}
READ = {**PAGE, "event": "page read", "verdict": "ok", "readings": 1, "characters": 2552}


def shown(event: dict[str, Any], program: str = "worker") -> str:
    return format_event({"level": "info", **event}, program=program, at=AT)


def test_a_page_that_was_sent() -> None:
    assert shown({**REQUEST, "task_id": ID}, "facade") == "21:04:32 facade  POST /ocr 202 40ms → 0eda4be5"


def test_a_page_that_was_read() -> None:
    assert shown(READ) == "21:04:32 worker  0eda4be5 page.png  read 11.1s  2552 chars ok"
    again = {**READ, "readings": 3, "verdict": "repeating"}
    assert shown(again).endswith("2552 chars repeating after 3 readings")
    assert shown({**READ, "cached": True}) == "21:04:32 worker  0eda4be5 page.png  cached  2552 chars ok"


def test_a_document_says_how_many_of_its_pages_were_read() -> None:
    read = {**HEAD, "event": "document read", "task_id": ID, "task": "ocr.assemble", "source": "a.pdf"}
    read |= {"pages": {"total": 12, "failed": 1}, "verdict": "ok", "characters": 6361}
    assert shown(read) == "21:04:32 worker  0eda4be5 a.pdf  11 of 12 pages read  6361 chars ok"


def test_a_page_that_failed_is_a_warning_with_its_reason() -> None:
    failed = {**PAGE, "event": "page failed", "level": "warning", "code": "not_an_image", "why": "No image."}
    assert shown(failed) == "21:04:32 worker  WARNING 0eda4be5 page.png  failed not_an_image: No image."


def test_a_request_that_is_refused_says_why_and_to_whom() -> None:
    refused = {**REQUEST, "status": 503, "code": "queue_full", "level": "warning"}
    assert shown(refused, "facade") == "21:04:32 facade  WARNING POST /ocr 503 40ms queue_full from 10.0.0.7"


def test_ids_are_shortened_wherever_they_stand_and_long_texts_too() -> None:
    assert "GET /ocr/0eda4be5 404" in shown(
        {**REQUEST, "method": "GET", "path": f"/ocr/{ID}", "status": 404, "task_id": ID}
    )
    assert shown({"event": f"task {ID} waits"}) == "21:04:32 worker  task 0eda4be5 waits"
    source = shown({**READ, "source": "https://example.com/" + "a/" * 50 + "page-7.png"})
    assert "page-7.png  read" in source
    assert len(source) < 120


def test_any_other_event_shows_its_values_and_its_traceback() -> None:
    event = {**HEAD, "event": "drain", "reason": "OSError", "level": "error", "exception": "Traceback …\nOSError"}
    assert shown(event) == "21:04:32 worker  ERROR drain reason=OSError\nTraceback …\nOSError"


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("21:04:32 worker  0eda4be5 page.png", "21:04:32 worker2 0eda4be5 page.png"),
        ("21:04:32 worker  WARNING no", "21:04:32 worker2 WARNING no"),
        ("said by a library", "21:04:32 worker2 said by a library"),
        ("", "21:04:32 worker2 "),
    ],
)
def test_a_supervisor_names_the_process_that_wrote_a_line(text: str, result: str) -> None:
    assert with_program(text, "worker2", AT) == result


def test_warnings_and_errors_stand_out_in_colour() -> None:
    assert add_colours("21:04:32 worker  WARNING no") == "21:04:32 \033[32mworker \033[0m \033[33mWARNING no\033[0m"
    assert add_colours("21:04:32 facade  ERROR no") == "21:04:32 \033[36mfacade \033[0m \033[31mERROR no\033[0m"
    assert add_colours("21:04:32 worker3 fine") == "21:04:32 \033[32mworker3\033[0m fine"
    assert add_colours("Traceback") == "Traceback"
