"""The processes that a reaper tags end with the process that started them."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ocr_celery.engine.vllm.process_reaper import ProcessReaper, tagged_pids
from tests.testlib.engine_probe import until

pytestmark = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs Linux's /proc")

SLEEP = "import time; time.sleep(60)"
#: starts a child in a new session, as a grandchild of the test
CHILD = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {SLEEP!r}], start_new_session=True)"
HOLDER = f"""
import subprocess, sys, time
from ocr_celery.engine.vllm.process_reaper import ProcessReaper
reaper = ProcessReaper()
with reaper.tag_children():
    subprocess.Popen([sys.executable, "-c", {CHILD!r}])
print(reaper.tag, reaper.temp_dir, flush=True)
time.sleep(60)
"""


def test_tagged_children_and_their_children_are_killed_and_nothing_else() -> None:
    reaper = ProcessReaper()
    with reaper.tag_children():
        child = subprocess.Popen([sys.executable, "-c", CHILD])
    bystander = subprocess.Popen([sys.executable, "-c", SLEEP])
    until(lambda: len(tagged_pids(reaper.tag)) == 2, what="the grandchild runs")
    reaper.kill_tagged()
    assert tagged_pids(reaper.tag) == []
    assert not Path(reaper.temp_dir).exists()
    assert child.wait(5) == -signal.SIGKILL
    assert bystander.poll() is None
    bystander.kill()
    bystander.wait()


def test_a_process_that_stands_still_is_ended_too() -> None:
    reaper = ProcessReaper()
    with reaper.tag_children():
        child = subprocess.Popen([sys.executable, "-c", SLEEP])
    until(lambda: tagged_pids(reaper.tag), what="it runs")
    child.send_signal(signal.SIGSTOP)
    reaper.kill_tagged()
    assert child.wait(5) == -signal.SIGKILL


def test_they_end_when_their_holder_is_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", HOLDER], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        tag, folder = holder.stdout.readline().split()
        until(lambda: len(tagged_pids(tag)) == 2, what="the grandchild runs")
        holder.kill()
    until(lambda: not tagged_pids(tag), timeout=60, what="both are gone")
    until(lambda: not Path(folder).exists(), timeout=60, what="what they left is gone")


def test_they_end_when_the_whole_group_of_their_holder_is_killed() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER], stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as holder:
        assert holder.stdout is not None
        tag, folder = holder.stdout.readline().split()
        until(lambda: len(tagged_pids(tag)) == 2, what="the grandchild runs")
        os.killpg(holder.pid, signal.SIGKILL)
    until(lambda: not tagged_pids(tag), timeout=60, what="both are gone")
    until(lambda: not Path(folder).exists(), timeout=60, what="what they left is gone")
