"""What exports cost beside an engine: the exporter's memory, and the pages that a worker reads meanwhile against alone.

    .venv/bin/python -m benchmarks.exports [--pages 500] [--seconds 20] [--rounds 2] [--formats zip,pdf]

A Redis, a folder as the store, a worker with the scripted engine and an exporter. A PDF of `--pages` pages is read, each page of
which shows a figure. Then images are sent for so many seconds, alone and while the export is made again and again, in turn.
"""

import argparse
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from ocr_celery.client import Client
from ocr_celery.core.document import page_id
from ocr_celery.core.export_formats import RESULT_EXPORTS
from ocr_celery.core.export_request import ExportRequest
from ocr_celery.core.status import Status
from ocr_celery.settings import Settings
from ocr_celery.task_results import completed_record
from ocr_celery.waiting import wait_for_export
from tests.faults.memory import resident
from tests.testlib.processes import RedisServer, Worker, final, keys, png
from tests.testlib.several_pages import pdf

_MB = 1_000_000
_IMAGES = 40  #: sent at once
_TEXT = (
    "<|ref|>title<|/ref|><|det|>[[80, 50, 900, 100]]<|/det|>\nPage {number}\n\n"
    "<|ref|>text<|/ref|><|det|>[[80, 120, 900, 400]]<|/det|>\nThe quick brown fox jumps over the lazy dog.\n\n"
    "<|ref|>image<|/ref|><|det|>[[100, 420, 600, 900]]<|/det|>\n\n\n"
)


@contextmanager
def service() -> Iterator[tuple[Client, Worker]]:
    """The client of a service, and its exporter."""
    redis = RedisServer()
    redis.start()
    with TemporaryDirectory() as folder:
        store = f"file://{Path(folder) / 'files'}"
        common: dict[str, object] = {"OCR_STORE": store}
        worker = Worker("bench", redis.url, {**common, "OCR_SCRIPTED_SECONDS": 0.02, "OCR_BATCH_SIZE": 8})
        exporter = Worker("export", redis.url, common, app="ocr_celery.export")
        try:
            worker.wait_ready()
            exporter.wait_ready()
            yield Client(Settings(redis_url=redis.url, max_queue_size=10_000, store=store), service=True), exporter
        finally:
            exporter.end()
            worker.end()
            redis.stop()


def read_document(client: Client, pages: int) -> str:
    """A PDF of which each page shows a figure, read."""
    id = client.submit_document(pdf([595] * pages), name="report.pdf")
    assert client.wait(id, timeout=3600).status is Status.COMPLETED
    for number in range(1, pages + 1):
        page = page_id(id, number)
        result = client.look_up(page).result or {}
        record = completed_record(page, {**result, "text": _TEXT.format(number=number)}, time.time())
        client.redis.set(keys.meta(page), record, keepttl=True)
    return id


def images_per_second(client: Client, seconds: float) -> float:
    """How many images are read in a second."""
    began, count = time.monotonic(), 0
    while time.monotonic() - began < seconds:
        final(client, [client.submit_image(png(1654, 2339)) for _ in range(_IMAGES)])
        count += _IMAGES
    return count / (time.monotonic() - began)


class Exports:
    """The export is made again and again, in a thread, while this is entered."""

    def __init__(self, client: Client, export: ExportRequest, exporter: Worker) -> None:
        self._client, self._export, self._exporter = client, export, exporter
        self.seconds: list[float] = []
        self.memory = 0  #: bytes at most
        self._over = threading.Event()
        self._threads = [threading.Thread(target=loop) for loop in (self._make, self._look)]

    def __enter__(self) -> "Exports":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def make_once(self) -> None:
        began = time.monotonic()
        self._client._exports.discard(self._export)
        found = wait_for_export(self._client, self._export, seconds=3600)
        assert found.status is Status.COMPLETED, found
        self.seconds.append(time.monotonic() - began)

    def _make(self) -> None:
        while not self._over.is_set():
            self.make_once()

    def _look(self) -> None:
        while not self._over.wait(0.1):
            self.memory = max(self.memory, resident(self._exporter.process.pid))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--formats", default=",".join(RESULT_EXPORTS))
    given = parser.parse_args()
    print("| format | s | MB of the exporter | pages/s alone | meanwhile | ratio |\n|---|---|---|---|---|---|")
    with service() as (client, exporter):
        id = read_document(client, given.pages)
        images_per_second(client, 1)
        for format in given.formats.split(","):
            alone, meanwhile, exports = [], [], Exports(client, ExportRequest(id, format), exporter)
            for _ in range(given.rounds):
                alone.append(images_per_second(client, given.seconds))
                with Exports(client, ExportRequest(id, format), exporter) as made:
                    meanwhile.append(images_per_second(client, given.seconds))
                exports.seconds += made.seconds
                exports.memory = max(exports.memory, made.memory)
            one, other = statistics.median(alone), statistics.median(meanwhile)
            print(
                f"| {format} | {statistics.median(exports.seconds):.1f} | {exports.memory / _MB:.0f} "
                f"| {one:.1f} | {other:.1f} | {other / one:.2f} |"
            )


if __name__ == "__main__":
    main()
