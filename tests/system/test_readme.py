"""The commands and programs of README and docs, run as written; only address, ids and example hosts are replaced."""

import json
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.testlib.local_service import ROOT, LocalService
from tests.testlib.text_page import page

DOCUMENTS = ("README.md", "docs/results.md", "docs/http.md", "docs/command-line.md")
FIRST_BYTES = {".zip": b"PK", ".jpg": b"\xff\xd8"}  #: of files that commands save
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(language: str) -> list[str]:
    texts = [(ROOT / name).read_text(encoding="utf-8") for name in DOCUMENTS]
    return [code for text in texts for kind, code in BLOCK.findall(text) if kind == language]


def commands() -> list[str]:
    """Each curl and ocr-celery command once, however many lines it takes."""
    text = "\n".join(blocks("sh")).replace("\\\n", " ")
    return list(dict.fromkeys(line for line in text.splitlines() if line.startswith(("curl ", "ocr-celery "))))


@pytest.fixture
def here(service: LocalService, files: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder as the documents assume it, served at `files` too."""
    for name in (".ocr/sample.png", "scans/a.png", "photo.heic", "page.jpg", "1.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(page("Read me"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:/usr/bin:/bin")
    monkeypatch.setenv("OCRCELERY_SERVER", service.url)
    return tmp_path


def ours(text: str, service: LocalService, files: str) -> str:
    return text.replace("http://localhost:8000", service.url).replace("https://example.com", files)


def test_there_is_a_line_for_every_way_in() -> None:
    found = "\n".join(commands())
    assert all(
        way in found
        for way in ("8000/ocr\n", "/ocr/url ", "/ocr/url/batch ", "/ocr/batch/", "--form-string", "read scans/")
    )
    assert len(commands()) >= 8


def test_every_curl_line_works_as_written(here: Path, service: LocalService, files: str) -> None:
    last = {"task": "", "batch": ""}
    for command in (c for c in commands() if c.startswith("curl")):
        line = ours(command, service, files)
        line = re.sub(r"/ocr/batch/[0-9a-f-]{36}", f"/ocr/batch/{last['batch']}", line)
        line = re.sub(r"/ocr/[0-9a-f-]{36}", f"/ocr/{last['task']}", line)
        before = set(here.iterdir())
        said = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=60, check=False).stdout
        if saved := set(here.iterdir()) - before:
            assert {path.suffix: path.read_bytes()[:2] for path in saved}.items() <= FIRST_BYTES.items(), (
                command,
                saved,
            )
            continue
        if "/result" in line:
            assert "Read me" in said, (command, said)
            continue
        answer = json.loads(said.rpartition("data: ")[2])  # of a stream, its last event
        assert "detail" not in answer, (command, answer)
        last["task"] = answer.get("task_id", last["task"])
        last["batch"] = answer.get("batch_task_id", last["batch"])
        wait(service, f"/ocr/{last['task']}")
    shown = wait(service, f"/ocr/batch/{last['batch']}")
    assert [(item["status"], item.get("code")) for item in shown["results"]] == [
        ("completed", None),
        ("failed", "download_failed"),
    ]


def wait(service: LocalService, path: str) -> dict[str, Any]:
    end = time.monotonic() + 120  # a host that is not found is looked for four times
    while (task := requests.get(service.url + path, timeout=10).json())["status"] in ("pending", "processing"):
        assert time.monotonic() < end, task
        time.sleep(0.1)
    return dict(task)


def test_every_line_of_the_command_line_works_as_written(here: Path, service: LocalService, files: str) -> None:
    lines = [ours(c, service, files) for c in commands() if c.startswith("ocr-celery")]
    for line in lines:
        done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in (here / "texts").iterdir()) == ["a.md", "page.md", "photo.md"]
    assert "Read me" in (here / "texts" / "page.md").read_text()


@pytest.mark.parametrize("code", blocks("python"), ids=["client", "celery"])
def test_every_python_block_works_as_written(code: str, here: Path, service: LocalService, files: str) -> None:
    from ocr_celery.local.data_dir import DataDir

    url = DataDir(service.folder).redis_url
    code = ours(code, service, files).replace("redis://localhost:6379/0", url)
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
        env={"PATH": "/usr/bin:/bin", "REDIS_URL": url},
    )
    assert done.returncode == 0, done.stderr
    assert "Read me" in done.stdout
