"""Processes on a leash end with the process that holds it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ocr_celery.engine.vllm.process_reaper import Leash, held_by
from tests.testlib.engine_probe import until

pytestmark = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs Linux's /proc")

SLEEP = "import time; time.sleep(60)"
#: starts a child in a session of its own, as a grandchild of the test
CHILD = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {SLEEP!r}], start_new_session=True)"
HOLDER = f"""
import subprocess, sys, time
from ocr_celery.engine.vllm.process_reaper import Leash
leash = Leash()
with leash.held():
    subprocess.Popen([sys.executable, "-c", {CHILD!r}])
print(leash.mark, leash.folder, flush=True)
time.sleep(60)
"""


def test_pulling_the_leash_ends_children_and_their_children_and_nothing_else() -> None:
    leash = Leash()
    with leash.held():
        child = subprocess.Popen([sys.executable, "-c", CHILD])
    bystander = subprocess.Popen([sys.executable, "-c", SLEEP])
    until(lambda: len(held_by(leash.mark)) == 2, what="the grandchild runs")
    leash.pull()
    assert held_by(leash.mark) == []
    assert not Path(leash.folder).exists()
    assert child.wait(5) == -signal.SIGKILL
    assert bystander.poll() is None
    bystander.kill()
    bystander.wait()


def test_a_process_that_stands_still_is_ended_too() -> None:
    leash = Leash()
    with leash.held():
        child = subprocess.Popen([sys.executable, "-c", SLEEP])
    until(lambda: held_by(leash.mark), what="it runs")
    child.send_signal(signal.SIGSTOP)
    leash.pull()
    assert child.wait(5) == -signal.SIGKILL


def test_they_end_when_their_holder_is_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", HOLDER], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        mark, folder = holder.stdout.readline().split()
        until(lambda: len(held_by(mark)) == 2, what="the grandchild runs")
        holder.kill()
    until(lambda: not held_by(mark), timeout=60, what="both are gone")
    until(lambda: not Path(folder).exists(), timeout=60, what="what they left is gone")


def test_they_end_when_the_whole_group_of_their_holder_is_killed() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER], stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as holder:
        assert holder.stdout is not None
        mark, folder = holder.stdout.readline().split()
        until(lambda: len(held_by(mark)) == 2, what="the grandchild runs")
        os.killpg(holder.pid, signal.SIGKILL)
    until(lambda: not held_by(mark), timeout=60, what="both are gone")
    until(lambda: not Path(folder).exists(), timeout=60, what="what they left is gone")
