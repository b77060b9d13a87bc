"""What `make run` prints with OCR_LOG_FORMAT=json is one object a line, with the keys of every other log line."""

import json

import pytest

from ocr_celery.local import console

KEYS = {"timestamp", "level", "event", "logger", "program", "host"}


@pytest.fixture(autouse=True)
def as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console, "as_json", True)


def printed(capsys: pytest.CaptureFixture[str]) -> list[dict[str, str]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_its_own_lines_have_the_keys_of_a_log_line(capsys: pytest.CaptureFixture[str]) -> None:
    console.print_line("ready     http://127.0.0.1:8000")
    (line,) = printed(capsys)
    assert line.keys() == KEYS
    assert (line["event"], line["program"], line["logger"]) == (
        "ready     http://127.0.0.1:8000",
        "make run",
        "ocr_celery.local",
    )


def test_a_plain_line_of_a_program_becomes_an_event_of_that_program(capsys: pytest.CaptureFixture[str]) -> None:
    console.print_line("Fatal Python error", "worker")
    (line,) = printed(capsys)
    assert line.keys() == KEYS
    assert (line["event"], line["program"], line["logger"]) == ("Fatal Python error", "worker", "stderr")


def test_an_event_of_a_program_is_printed_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    console.print_line('{"event": "page read"}', "worker")
    assert printed(capsys) == [{"event": "page read"}]


def test_an_empty_line_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    console.print_line("")
    console.print_line("  ", "worker")
    assert printed(capsys) == []
