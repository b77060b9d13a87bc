"""Output that bypasses logging becomes JSON lines, up to the last line of a process that crashes."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

START = "from ocr_celery import logs; logs.start('worker', 'INFO', 'auto', worker='ocr1@vm');"


def written(code: str) -> tuple[int, list[dict[str, Any]]]:
    """The exit status of a process that logs as ours do, and its lines."""
    done = subprocess.run(
        [sys.executable, "-c", START + code], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60, check=False
    )
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


def test_whatever_way_a_line_takes_it_is_json_with_who_wrote_it() -> None:
    code = """
import logging, os, subprocess, sys, threading, warnings
logging.getLogger("a").info("logged")
print("printed")
os.write(2, b"by a library\\n")
subprocess.run([sys.executable, "-c", "print('by a child')"])
warnings.warn("warned")
thread = threading.Thread(target=lambda: 1 / 0)
thread.start(); thread.join()
"""
    status, lines = written(code)
    assert status == 0
    assert {line["event"].splitlines()[0] for line in lines} >= {"logged", "printed", "by a library", "by a child"}
    assert any("warned" in line["event"] and line["logger"] == "py.warnings" for line in lines)
    (thread,) = [line for line in lines if line["event"] == "uncaught exception"]
    assert "ZeroDivisionError" in thread["exception"]
    assert all((line["program"], line["worker"]) == ("worker", "ocr1@vm") and line["host"] for line in lines)


def test_an_exception_that_nobody_catches_is_one_line() -> None:
    status, (line,) = written("raise LookupError('no')")
    assert (status, line["level"]) == (1, "critical")
    assert line["exception"].endswith("LookupError: no")


def test_why_a_program_ends_is_there_when_it_has_ended() -> None:
    status, (line,) = written("raise SystemExit('ocr-celery: no')")
    assert (status, line["event"]) == (1, "ocr-celery: no")


def test_what_is_said_in_a_crash_is_not_lost() -> None:
    read, write = os.pipe()
    code = START + "import os, signal; os.write(2, b'free(): invalid pointer'); os.kill(os.getpid(), signal.SIGKILL)"
    with subprocess.Popen([sys.executable, "-c", code], stdout=write, stderr=write):
        os.close(write)
    with open(read, "rb") as output:  # ends when all writers are gone
        (line,) = map(json.loads, output)
    assert line["event"] == "free(): invalid pointer"


def test_a_file_takes_all_lines_in_place_of_standard_error(tmp_path: Path) -> None:
    log = tmp_path / "w.log"
    code = """
import logging, sys
from pathlib import Path
from ocr_celery import logs
logs.start("worker", "INFO", "auto", file=Path(sys.argv[1]))
logging.getLogger("a").info("logged")
print("printed")
"""
    done = subprocess.run([sys.executable, "-c", code, log], capture_output=True, timeout=60, check=True)
    assert done.stdout + done.stderr == b""
    assert {json.loads(line)["event"] for line in log.read_text().splitlines()} == {"logged", "printed"}


def test_as_text_nothing_is_changed_but_the_lines_of_the_log() -> None:
    code = "from ocr_celery import logs; logs.start('worker', 'INFO', 'text')\n"
    code += "import logging; logging.getLogger('a').warning('logged\\n21:00:00 forged'); print('printed')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "printed\n"
    assert re.fullmatch(r"\d\d:\d\d:\d\d worker  WARNING logged\\n21:00:00 forged\n", done.stderr)
