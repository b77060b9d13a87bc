"""A line that bypasses logging becomes JSON."""

import json

import pytest

from ocr_celery.logs.pipe import json_line

NOW = 1_750_000_000.25


def test_a_line_of_a_library_keeps_its_text_without_its_colours() -> None:
    said = json_line(b"10%\r\x1b[0;93m2025 [W:onnxruntime:, a.cc:164] no \xff GPU\x1b[m\n", {"host": "vm"}, NOW)
    assert json.loads(said or "") == {
        "timestamp": "2025-06-15T15:06:40.250000Z",
        "level": "warning",
        "event": "2025 [W:onnxruntime:, a.cc:164] no \\xff GPU",
        "logger": "stderr",
        "host": "vm",
    }


@pytest.mark.parametrize("raw", [b"\n", b"", b"  \r\n", b"\x1b[m\n"])
def test_an_empty_line_is_none(raw: bytes) -> None:
    assert json_line(raw, {}, NOW) is None


def test_an_event_stays_as_it_is_and_other_json_is_a_text() -> None:
    event = '{"timestamp": "t", "level": "info", "event": "x"}'
    assert json_line(event.encode(), {"host": "vm"}, NOW) == event
    assert json.loads(json_line(b'{"event": "x"}', {"host": "vm"}, NOW) or "")["level"] == "info"
    assert json.loads(json_line(b"[1]", {}, NOW) or "")["event"] == "[1]"
