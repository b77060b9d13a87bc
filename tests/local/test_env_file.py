"""A line of `.env` that cannot be parsed stops the start: its setting would be lost in silence."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ocr_celery.env_file import check_env_file
from ocr_celery.settings import SettingsError

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("OCR_PORT 9000\n", 1),
        ("# a comment\n\nOCR_PORT=9000\n\nOCR_QUEUE mine\nOCR_HOST=127.0.0.1\n", 5),
        ('OCR_PORT=9000\nOCR_DEFAULT_PROMPT="no end\n', 2),
        ("=secret\n", 1),
    ],
)
def test_the_first_line_that_cannot_be_parsed_is_named_but_not_shown(text: str, line: int, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(text)
    with pytest.raises(SettingsError, match=rf"\.env line {line} cannot be parsed: write NAME=VALUE") as caught:
        check_env_file(tmp_path / ".env")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "text", ["", "OCR_PORT=9000\n", "export OCR_PORT=9000  # why\n\n#x\n", 'OCR_DEFAULT_PROMPT="a\nb"\n', "OCR_PORT=\n"]
)
def test_a_file_that_can_be_parsed_is_accepted(text: str, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(text)
    check_env_file(tmp_path / ".env")


def test_no_file_is_accepted(tmp_path: Path) -> None:
    check_env_file(tmp_path / ".env")
    (tmp_path / ".env").mkdir()
    check_env_file(tmp_path / ".env")


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"OCR_QUEUE=\xff\n")
    with pytest.raises(SettingsError, match="it is not UTF-8"):
        check_env_file(tmp_path / ".env")


def start(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """A program of the service in a folder whose `.env` has a wrong line."""
    (folder / ".env").write_text("OCR_ENGINE=scripted\nOCR_PORT 9000\n")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OCR_")}
    environment = {**kept, "PYTHONPATH": str(ROOT)}
    arguments = [sys.executable, "-m", *command]
    return subprocess.run(
        arguments, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.mark.parametrize("module", ["ocr_celery.local", "ocr_celery.local.flower"])
def test_make_run_and_make_flower_refuse_it_in_one_line(module: str, tmp_path: Path) -> None:
    done = start(tmp_path, module)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "ocr-celery: .env line 2 cannot be parsed: write NAME=VALUE, or # before a comment\n"


@pytest.mark.parametrize(
    "command",
    [
        ("celery", "-A", "ocr_celery", "worker"),
        ("gunicorn", "-c", "python:web.gunicorn_conf", "web.wsgi:app"),
    ],
    ids=["worker", "facade"],
)
def test_a_worker_and_the_facade_refuse_it_in_one_line(command: tuple[str, ...], tmp_path: Path) -> None:
    done = start(tmp_path, *command)
    assert done.returncode not in (0, None)
    assert done.stderr == "ocr-celery: .env line 2 cannot be parsed: write NAME=VALUE, or # before a comment\n"
