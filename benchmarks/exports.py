"""What exports cost beside an engine: their memory, and the pages that a worker reads meanwhile against alone.

    .venv/bin/python -m benchmarks.exports [--pages 500] [--pace 16] [--seconds 16] [--formats zip,pdf,docx,html,xlsx]

A Redis, a folder as the store, a worker, an exporter and a facade. The engine is a script that reads `--pace` pages a second, as
a GPU has a pace of its own; all pages are queued before the measurement, so that nothing is sent during it. Of
each format the file of a document of `--pages` pages, each with headings, paragraphs, a table and a figure, is made or fetched
again and again. Every other second the processes that do so are stopped (SIGSTOP): what is read in these seconds is `alone`, what
is read in the others `meanwhile`, so that whatever else is busy on the machine disturbs both alike. `--pace 1000` makes the
processors the limit: the worst case.
"""

import argparse
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import requests

from ocr_celery.client import Client
from ocr_celery.core.document import page_id
from ocr_celery.core.export_formats import RESULT_EXPORTS
from ocr_celery.core.export_request import ExportRequest
from ocr_celery.core.status import Status
from ocr_celery.settings import Settings
from ocr_celery.task_results import completed_record
from ocr_celery.waiting import wait_for_export
from tests.testlib.facade_process import Served, served
from tests.testlib.processes import RedisServer, Worker, keys, png
from tests.testlib.several_pages import pdf

_SLICE = 1.0  #: seconds
_TEXT = (
    "<|ref|>title<|/ref|><|det|>[[80, 50, 900, 100]]<|/det|>\n# Page {number}\n\n"
    + "<|ref|>text<|/ref|><|det|>[[80, 120, 900, 400]]<|/det|>\n"
    + "The quick brown fox jumps over the lazy dog. " * 30
    + "\n\n<|ref|>table<|/ref|><|det|>[[80, 410, 900, 500]]<|/det|>\n<table>"
    + "".join(f"<tr><td>Item {row}</td><td>{row}.50</td><td>{row} %</td></tr>" for row in range(12))
    + "</table>\n\n<|ref|>image<|/ref|><|det|>[[100, 520, 600, 900]]<|/det|>\n\n\n"
)


@dataclass
class Service:
    """What runs."""

    client: Client
    exporter: Worker
    facade: Served


@contextmanager
def service(pace: float) -> Iterator[Service]:
    """All processes, ready."""
    with ExitStack() as stack:
        redis = RedisServer()
        redis.start()
        stack.callback(redis.stop)
        store = f"file://{Path(stack.enter_context(TemporaryDirectory())) / 'files'}"
        places = max(1, round(pace / 2))  # batches of half a second: of longer ones a slice sees now none, now two
        engine = {"OCR_SCRIPTED_SECONDS": places / pace, "OCR_BATCH_SIZE": places}
        worker = Worker("bench", redis.url, {"OCR_STORE": store, **engine})
        stack.callback(worker.end)
        exporter = Worker("export", redis.url, {"OCR_STORE": store}, app="ocr_celery.export")
        stack.callback(exporter.end)
        facade = stack.enter_context(served(redis.url, OCR_STORE=store))
        worker.wait_ready()
        exporter.wait_ready()
        yield Service(
            Client(Settings(redis_url=redis.url, max_queue_size=100_000, store=store), service=True), exporter, facade
        )


def read_document(client: Client, pages: int) -> str:
    """A PDF of so many pages, read; each is said to have more than the engine says."""
    id = client.submit_document(pdf([595] * pages), name="report.pdf")
    assert client.wait(id, timeout=3600).status is Status.COMPLETED
    for number in range(1, pages + 1):
        page = page_id(id, number)
        result = client.look_up(page).result or {}
        record = completed_record(page, {**result, "text": _TEXT.format(number=number)}, time.time())
        client.redis.set(keys.meta(page), record, keepttl=True)
    return id


class Processes:
    """A process and all that it has started, as they are at each moment."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self.own, self.others = 0, 0  #: MB at most: of the process, of the largest of the others

    def signal(self, number: int) -> None:
        """Send it to all but decoding children: they soon wait for the next page, and one that is stopped is replaced."""
        for pid in self._all():
            with suppress(OSError):
                if b"ocr_celery.decode" not in Path(f"/proc/{pid}/cmdline").read_bytes():
                    os.kill(pid, number)

    def forget_peaks(self) -> None:
        """Count the most memory from now on."""
        self.own, self.others = 0, 0
        for pid in self._all():
            with suppress(OSError):
                Path(f"/proc/{pid}/clear_refs").write_text("5")

    def look(self) -> None:
        """Note the most memory that each has had."""
        first, *others = self._all()
        self.own = max(self.own, _most_memory(first))
        self.others = max([self.others, *map(_most_memory, others)])

    def _all(self) -> list[int]:
        found = [self._pid]
        for pid in found:  # grows meanwhile
            with suppress(OSError):
                for task in Path(f"/proc/{pid}/task").iterdir():
                    found += map(int, (task / "children").read_text().split())
        return found


def _most_memory(pid: int) -> int:
    """MB at most since the start of the process or `forget_peaks`; 0 where it has ended."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) // 1000
    return 0


class Repeated:
    """Makes something again and again, in a thread, until `seconds` have passed; what was begun then is made to its end."""

    def __init__(self, make: Callable[[], None], seconds: float) -> None:
        self._make, self._end = make, time.monotonic() + seconds
        self.times, self.error = 0, ""
        self._thread = threading.Thread(target=self._repeat, daemon=True)
        self._thread.start()

    @property
    def goes_on(self) -> bool:
        """Whether it is not over."""
        return self._thread.is_alive()

    def _repeat(self) -> None:
        try:
            while not self.times or time.monotonic() < self._end:
                self._make()
                self.times += 1
        except Exception as error:
            self.error = repr(error)


def measure(running: Service, make: Callable[[], None], pid: int, seconds: float) -> tuple[str, ...]:
    """A row of the table: what it takes to make this, and what is read alone and meanwhile."""
    processes = Processes(pid)
    processes.forget_peaks()
    read, spent = [0, 0], [0.0, 0.0]
    made = Repeated(make, seconds)
    try:
        while made.goes_on:
            for is_alone in (False, True):
                processes.signal(signal.SIGSTOP if is_alone else signal.SIGCONT)
                began, before = time.monotonic(), _completed(running.client)
                time.sleep(_SLICE)
                read[is_alone] += _completed(running.client) - before
                spent[is_alone] += time.monotonic() - began
                processes.look()
    finally:
        processes.signal(signal.SIGCONT)
    if made.error or not running.client.stats().pending:
        sys.exit(made.error or "No page waits for the engine any more: give more with --waiting.")
    alone, meanwhile = read[True] / spent[True], read[False] / spent[False]
    return (
        f"{spent[False] / made.times:.0f}",
        *map(str, (processes.own, processes.others)),
        *(f"{pace:.2f}" for pace in (alone, meanwhile, meanwhile / alone)),
    )


def _completed(client: Client) -> int:
    return client.stats().completed


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=500)
    parser.add_argument("--pace", type=float, default=16, help="pages a second that the engine reads")
    parser.add_argument("--seconds", type=float, default=16, help="of each format, at least; half of them alone")
    parser.add_argument("--waiting", type=int, default=0, help="pages that wait for the engine; 0: enough")
    parser.add_argument("--formats", default=",".join([*RESULT_EXPORTS, "html", "xlsx"]))
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started ends too
    formats = given.formats.split(",")
    with service(given.pace) as running:
        id = read_document(running.client, given.pages)
        picture = png(1654, 2339)
        for _ in range(given.waiting or round(min(given.pace, 60) * 60 * len(formats))):
            running.client.submit_image(picture)
        print("| format | s | MB of the process | MB of its largest child | pages/s alone | meanwhile | ratio |")
        print("|---|---|---|---|---|---|---|")
        for format in formats:
            print("|", format, "|", " | ".join(measure_format(running, id, format, given.seconds)), "|", flush=True)


def measure_format(running: Service, id: str, format: str, seconds: float) -> tuple[str, ...]:
    """See `measure`: an export by the exporter, another format by the facade."""
    if format in RESULT_EXPORTS:
        request = ExportRequest(id, format)

        def make() -> None:
            running.client._exports.discard(request)
            found = wait_for_export(running.client, request, seconds=3600)
            assert found.status is Status.COMPLETED, found

        return measure(running, make, running.exporter.process.pid, seconds)

    def fetch() -> None:
        with requests.get(f"{running.facade.url}/ocr/{id}/result?format={format}", stream=True, timeout=600) as answer:
            answer.raise_for_status()
            for _ in answer.iter_content(1 << 16):
                pass

    return measure(running, fetch, running.facade.worker_pid, seconds)


if __name__ == "__main__":
    main()
