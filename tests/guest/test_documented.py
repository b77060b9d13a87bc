"""docs/celery.md as it is written: another service's application and worker beside ours, on one Redis."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ocr_celery.core import prompts
from tests.testlib.http_stub import serving
from tests.testlib.processes import ROOT, RedisServer, Worker, png, until

BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
MODULE, *BLOCKS = BLOCK.findall((ROOT / "docs" / "celery.md").read_text(encoding="utf-8"))

READ = f"page of 100 x 20, {prompts.MARKDOWN.removeprefix('<image>').strip()}"
REFUSED = "SourceRefused('127.0.0.1 answered with status 404.')"

#: in front of their module: our client and its application are in their process, too
USES_OURS = "from ocr_celery.celery import process_app\n\nprocess_app().amqp\n"

#: what each block prints, in order
PRINTED = [
    f"{READ}\nok\n",
    f"page.jpg: {READ}\n{READ}\n",
    f"{REFUSED}\n",
    f"{[READ, 'source_refused']}\n",
    re.compile(r"ChordError\(.*SourceRefused.*\)\n"),
    "100\n100\n",
    f"{READ}\n{READ}\n",
]


class Mine:
    """The folder of another service, its application in it as documented, and its worker."""

    def __init__(self, folder: Path, redis_url: str, files: str) -> None:
        self.folder, self.url, self.files = folder, redis_url, files
        (folder / "mine.py").write_text(USES_OURS + self.here(MODULE))
        (folder / "page.jpg").write_bytes(png(100))
        (folder / "wide.jpg").write_bytes(png(300))
        self.log = folder / "mine.log"
        # ours is importable in its process, as it is where the client is installed
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith("OCR_") and name != "REDIS_URL"
        }
        self.env = {**kept, "PYTHONPATH": os.pathsep.join((str(folder), str(ROOT)))}

    def here(self, text: str) -> str:
        """With our Redis and our server in place of the documented ones."""
        return text.replace("redis://localhost:6379/0", self.url).replace("https://example.com", self.files)

    def run(self, block: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-c", self.here(block)],
            cwd=self.folder,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )

    def start_worker(self) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "celery", "-A", "mine", "worker", "-n", "mine@test", "-l", "INFO", "-c", "1"]
        with self.log.open("ab") as log:
            process = subprocess.Popen(command, cwd=self.folder, env=self.env, stdout=log, stderr=log)
        try:
            until(lambda: "mine@test ready." in self.log.read_text(), timeout=60, what="their worker is ready")
        except AssertionError:
            process.kill()
            process.wait()
            raise
        return process


@pytest.fixture(scope="module")
def mine(redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mine]:
    """Both workers run."""
    redis_server.empty()
    folder = tmp_path_factory.mktemp("mine")
    ours = Worker("w1", redis_server.url, {"OCR_SCRIPTED_SECONDS": 0.05})
    with serving(folder) as files:
        mine = Mine(folder, redis_server.url, files)
        theirs = mine.start_worker()
        ours.wait_ready()
        try:
            yield mine
        finally:
            theirs.send_signal(signal.SIGTERM)
            theirs.wait(60)
            ours.end()


def test_there_is_an_outcome_for_every_block() -> None:
    assert len(BLOCKS) == len(PRINTED)


@pytest.mark.parametrize("number", range(len(PRINTED)))
def test_a_block_prints_what_it_promises(mine: Mine, number: int) -> None:
    done = mine.run(BLOCKS[number])
    assert done.returncode == 0, done.stderr
    wanted = PRINTED[number]
    assert wanted.fullmatch(done.stdout) if isinstance(wanted, re.Pattern) else done.stdout == wanted


def test_links_and_errbacks_run_in_the_worker_that_they_name(mine: Mine) -> None:
    log = mine.log.read_text()
    for block, said in zip(BLOCKS[1:3], (f"again: {READ}", "SourceRefused: 127"), strict=True):
        if said not in log:  # else the test of each block, above, has run it
            done = mine.run(block)
            assert done.returncode == 0, done.stderr
    until(lambda: f"again: {READ}" in mine.log.read_text(), what="the link has run")
    until(
        lambda: "SourceRefused: 127.0.0.1 answered with status 404." in mine.log.read_text(), what="the errback has run"
    )


def test_their_worker_stays_a_worker_of_theirs(mine: Mine, redis_server: RedisServer) -> None:
    log = mine.log.read_text()
    assert "prefork" in log
    assert "NotRegistered" not in log
    assert not [key for key in redis_server.client.scan_iter() if b"mine@test" in key]
