"""Files that keep a decoder busy or take its memory, eight at once: pages between them are read, and the worker lives on."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from ocr_celery.client import Client
from ocr_celery.core.status import Status
from tests.testlib.hostile_images import BOMBS
from tests.testlib.processes import RedisServer, Worker, final, png, until, waiting

pytestmark = pytest.mark.skipif(not Path("/proc").exists(), reason="it looks at processes in /proc")

Start = Callable[..., Worker]
#: those that take memory or time, and some of those that are refused before: tests/decode has them all
CODES = {
    "scans": "page_too_costly",
    "gif comment": "page_too_costly",
    "exif in front": "completed",
    "wavelets": "completed",
    "interlaced png": "completed",
    "webp": "completed",
    "gif that grows": "completed",
    "strips": "completed",
}
MOST_MEMORY = 1_500_000_000  #: bytes, of the worker and its children


def family(pid: int) -> list[int]:
    """A process and its descendants."""
    found = [pid]
    for parent in found:
        with suppress(OSError):  # it has ended
            for task in Path(f"/proc/{parent}/task").iterdir():
                with suppress(OSError):
                    found += [int(child) for child in (task / "children").read_text().split()]
    return found


def resident(pids: list[int]) -> int:
    """Bytes of memory of these processes; what they share counts for each its part."""
    total = 0
    for pid in pids:
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += sum(1024 * int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total


@contextmanager
def watched(worker: Worker) -> Iterator[list[int]]:
    """What the worker and its children took at each moment inside."""
    seen: list[int] = [0]
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.1):
            seen.append(resident(family(worker.process.pid)))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield seen
    finally:
        done.set()
        thread.join()


def code_or_status(client: Client, id: str) -> str:
    view = client.look_up(id)
    return view.error.code if view.error else str(view.status)


def test_eight_at_once_each_get_their_code_and_pages_between_them_are_read(client: Client, start_worker: Start) -> None:
    files = {name: BOMBS[name]() for name in CODES}
    worker = start_worker(OCR_SCRIPTED_SECONDS=0.1, OCR_PREPARE_SECONDS=300)
    bombs, good = [], []
    with watched(worker) as memory:
        for name in CODES:
            bombs.append(client.submit_image(files[name]))
            good.append(client.submit_image(png()))
        assert {view.status for view in final(client, good, timeout=300)} == {Status.COMPLETED}
        final(client, bombs, timeout=900)
    assert [code_or_status(client, id) for id in bombs] == list(CODES.values())
    assert max(memory) < MOST_MEMORY
    assert worker.process.poll() is None


def test_a_page_that_takes_too_long_is_not_tried_again(client: Client, start_worker: Start) -> None:
    worker = start_worker(OCR_PREPARE_SECONDS=0.05)
    id = client.submit_image(BOMBS["interlaced png"]())
    final(client, [id])
    assert code_or_status(client, id) == "page_too_costly"
    assert worker.log.count("page_too_costly") == 1


def test_sigterm_gives_back_what_takes_long_and_leaves_no_child(
    client: Client, redis: RedisServer, start_worker: Start
) -> None:
    worker = start_worker(OCR_PREPARE_SECONDS=600, OCR_SCRIPTED_SECONDS=0.1)
    slow = BOMBS["interlaced png"]()
    bombs = [client.submit_image(slow) for _ in range(8)]
    until(lambda: worker_pool(client, worker).get("costly", 0) >= 4, what="they are being decoded, or wait for that")
    children = family(worker.process.pid)[1:]
    worker.signal(signal.SIGTERM)
    assert worker.wait(30) == 0
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in children), what="no child is left")
    given_back = [id for id in bombs if client.look_up(id).status == Status.PENDING]
    assert len(given_back) >= 2
    assert len(waiting(redis.client)) == len(given_back)


def worker_pool(client: Client, worker: Worker) -> dict[str, int]:
    stats = client.app.control.inspect([worker.name], timeout=5).stats() or {}
    return dict(stats.get(worker.name, {}).get("pool", {}))
