"""The machine underneath: its clock is set, it has few file handles, it loses power with the last second unwritten."""

import os
import signal
from pathlib import Path
from tempfile import TemporaryDirectory

import requests

from ocr_celery.errors import TaskNotFound
from tests.faults.case import case, now
from tests.faults.flow import send_one, through
from tests.faults.scene import Scene
from tests.testlib.processes import until

_SHIFTED = """
import os, time
_time, _ns, _file = time.time, time.time_ns, os.environ["CLOCK_FILE"]
def _shift():
    try:
        with open(_file) as file: return float(file.read() or 0)
    except (OSError, ValueError): return 0.0
time.time = lambda: _time() + _shift()
time.time_ns = lambda: _ns() + int(_shift() * 1e9)
"""


@case("the worker's clock set by an hour, to and fro", short=2, long=10, within=15)
def clock(scene: Scene, rounds: int) -> None:
    shift, settings = _clock(scene)
    worker = scene.worker(OCR_SCRIPTED_SECONDS=0.5, **settings)
    with scene.flow():
        for hours in (1, -1) * rounds:
            _set(scene, shift, hours)
    assert worker.process.poll() is None


@case("the facade's clock set by an hour, to and fro", short=2, long=10, within=15)
def clock_of_the_facade(scene: Scene, rounds: int) -> None:
    shift, settings = _clock(scene)
    scene.worker(OCR_SCRIPTED_SECONDS=0.5, OCR_CLEANUP_INTERVAL=1)
    facade = scene.facade(**settings)
    with scene.flow_over_http(facade.url) as flow:
        for hours in (1, -1) * rounds:
            _set(scene, shift, hours)
            assert requests.get(f"{facade.url}/stats", timeout=5).json()["processing"]
    assert not flow.errors, flow.errors[:3]


def _clock(scene: Scene) -> tuple[Path, dict[str, object]]:
    """The file that sets the clock of a process with these settings."""
    folder = Path(scene.enter_context(TemporaryDirectory()))
    (folder / "sitecustomize.py").write_text(_SHIFTED)
    path = os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])
    return folder / "clock", {"PYTHONPATH": path, "CLOCK_FILE": folder / "clock", "OCR_CLEANUP_INTERVAL": 1}


def _set(scene: Scene, shift: Path, hours: int) -> None:
    scene.work_a_while(10)
    shift.write_text(str(hours * 3600))
    began = now()
    scene.recovers(began)
    until(lambda: scene.witness.last > began + 3, what="the sweep has run, and work goes on")


@case("256 file handles", short=1, long=3)
def few_handles(scene: Scene, rounds: int) -> None:
    import resource

    worker, facade = scene.worker(), scene.facade()
    for pid in (worker.process.pid, facade.process.pid, facade.worker_pid):
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (256, 256))
    with scene.flow_over_http(facade.url, open_pages=300) as flow:
        for _ in range(rounds):
            scene.work_a_while(200)
    assert not flow.errors, flow.errors[:3]
    assert "Too many open files" not in worker.log + facade.log


@case("the last second of Redis's file lost with the power", short=1, long=10)
def last_second(scene: Scene, rounds: int) -> None:
    """What AOF everysec can lose. Pages of that second are not promised: gone, or read; never half of it."""
    send = through(scene.client)
    for _ in range(rounds):
        worker = scene.worker()
        for _ in range(20):
            send_one(send, scene.ledger)
        until(lambda: not scene.redis.client.info("persistence")["aof_buffer_length"], what="Redis has written it all")
        written = {file: file.stat().st_size for file in Path(scene.redis.folder.name).glob("appendonlydir/*.aof")}
        promised = dict(scene.ledger.expected)
        unsure = [send_one(send, scene.ledger) for _ in range(20)]
        worker.kill()
        scene.redis.stop(signal.SIGKILL)
        for file, size in written.items():
            os.truncate(file, size)
        scene.redis.start()
        began = now()
        scene.worker()
        until(lambda promised=promised: all(_is_final(scene, id) for id in promised), what="what was written is read")
        scene.recovered.append(now() - began)
        gone = [id for id in unsure if not _is_known(scene, id)]
        assert gone, "it could lose what it had not written"
        for id in gone:
            del scene.ledger.expected[id]
        scene.workers[-1].kill()


def _is_known(scene: Scene, id: str) -> bool:
    try:
        return bool(scene.client.look_up(id))
    except TaskNotFound:
        return False


def _is_final(scene: Scene, id: str) -> bool:
    return scene.client.look_up(id).status.final
