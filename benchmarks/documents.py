"""What documents cost beside the same pages sent as images, and how long a single page waits behind them.

    .venv/bin/python -m benchmarks.documents [--pages 500] [--rounds 3] [--bulk 1000]

A worker with the scripted engine, a Redis of its own as the store. First the pages (A4, 200 dpi, black and white), as images,
as a TIFF and as a PDF in turn, read in no time: pages/s, and the memory of worker and Redis beyond what they had before. Then
single pages on an idle service, and behind a document and a batch of URLs of `--bulk` pages each, read as fast as a GPU might.
"""

import argparse
import io
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

from ocr_celery.client import Client
from ocr_celery.core.status import Status
from ocr_celery.settings import Settings
from tests.faults.memory import resident
from tests.testlib.image_server import Origin
from tests.testlib.processes import RedisServer, Worker, final, png, until
from tests.testlib.several_pages import tiff

_MB = 1_000_000
_A4 = (1654, 2339)
_IDLE_PAGES = 10


@dataclass(slots=True)
class Growth:
    """The most that worker and Redis had beyond the beginning, in bytes."""

    worker: int = 0
    redis: int = 0


@contextmanager
def measured(redis: RedisServer, worker: Worker) -> Iterator[Growth]:
    """The growth within this context, looked at ten times a second."""

    def used() -> tuple[int, int]:
        memory = redis.client.info("memory")
        passing = memory["mem_clients_normal"] + memory["mem_aof_buffer"]  # what is on its way from, to, or to the disk
        return resident(worker.process.pid), int(memory["used_memory"]) - int(passing)

    growth, over, (before, redis_before) = Growth(), threading.Event(), used()

    def look() -> None:
        while not over.wait(0.1):
            now, redis_now = used()
            growth.worker = max(growth.worker, now - before)
            growth.redis = max(growth.redis, redis_now - redis_before)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield growth
    finally:
        over.set()
        thread.join()


@contextmanager
def service(seconds: float) -> Iterator[tuple[Client, RedisServer, Worker]]:
    """A Redis, a worker whose engine needs so long for a batch, and a client."""
    redis = RedisServer()
    redis.start()
    worker = Worker("bench", redis.url, {"OCR_SCRIPTED_SECONDS": seconds, "OCR_BATCH_SIZE": 8})
    try:
        worker.wait_ready()
        yield Client(Settings(redis_url=redis.url, max_queue_size=10_000)), redis, worker
    finally:
        worker.end()
        redis.stop()


def sheets(count: int) -> list[Image.Image]:
    """Printed pages that differ."""
    font = ImageFont.load_default(36)
    pages = []
    for number in range(count):
        page = Image.new("1", _A4, 1)
        draw = ImageDraw.Draw(page)
        for line in range(40):
            draw.text((150, 150 + 50 * line), f"Page {number + 1}, line {line + 1}: the quick brown fox jumps", 0, font)
        pages.append(page)
    return pages


def one_file(pages: list[Image.Image], kind: str) -> bytes:
    """The pages as one TIFF or PDF, compressed by CCITT group 4."""
    file = io.BytesIO()
    compression = {"compression": "group4"} if kind == "TIFF" else {"resolution": 200}
    pages[0].save(file, kind, save_all=True, append_images=pages[1:], **compression)
    return file.getvalue()


def measure_cost(pages: int, rounds: int) -> None:
    """Print a row for each way to send the pages, the best of all rounds."""
    drawn = sheets(pages)
    images = [one_file([page], "TIFF") for page in drawn]
    files = {"TIFF": one_file(drawn, "TIFF"), "PDF": one_file(drawn, "PDF")}
    sizes = {"images": sum(map(len, images))} | {kind: len(data) for kind, data in files.items()}
    rates: dict[str, list[float]] = {kind: [] for kind in sizes}
    with service(0) as (client, redis, worker):
        ways: dict[str, Callable[[], list[str]]] = {
            "images": lambda: [client.submit_image(data) for data in images],
            "TIFF": lambda: [client.submit_document(files["TIFF"])],
            "PDF": lambda: [client.submit_document(files["PDF"])],
        }
        final(client, [client.submit_document(one_file(drawn[:8], "PDF"))])  # what is made on first use is not measured
        for _ in range(rounds):
            for kind, send in ways.items():
                with measured(redis, worker) as growth:
                    began = time.monotonic()
                    views = final(client, send(), timeout=600)
                    rates[kind].append(pages / (time.monotonic() - began))
                assert all(view.status is Status.COMPLETED for view in views)
                print(
                    f"{kind:7} {rates[kind][-1]:6.1f} pages/s   worker {growth.worker / _MB:+6.1f} MB   "
                    f"Redis {(growth.redis - sizes[kind]) / _MB:+6.1f} MB beyond the {sizes[kind] / _MB:.1f} MB sent"
                )
                until(lambda: not client.redis.exists("{ocr}:documents"), what="it is settled")
    for kind in files:
        ratio = statistics.median(a / b for a, b in zip(rates[kind], rates["images"], strict=True))
        print(f"{kind} / images: {ratio:.2f} x pages/s (median of {rounds} rounds)")


def single_pages(client: Client, count: int) -> list[float]:
    """Seconds from sending a page to its result, one after the other."""
    found = []
    for _ in range(count):
        began = time.monotonic()
        client.wait(client.submit_image(png(), prompt="Free OCR."), timeout=600)
        found.append(time.monotonic() - began)
    return found


def measure_fairness(bulk: int, seconds: float) -> None:
    """Print what single pages wait on an idle service, and behind a document and a batch."""
    origin = Origin()
    with service(seconds) as (client, _, _):
        single_pages(client, 2)
        idle = single_pages(client, _IDLE_PAGES)
        began = time.monotonic()
        document = client.submit_document(tiff([100 + n % 400 for n in range(bulk)]))
        batch = client.submit_batch([origin.page(100 + n % 400) for n in range(bulk)])
        until(lambda: client.look_up(document).document, what="it is opened")
        behind: list[float] = []
        while not client.look_up(document).status.final or not client.look_up_batch(batch).status.final:
            behind += single_pages(client, 1)
        took = time.monotonic() - began
        assert client.look_up(document).status is client.look_up_batch(batch).status is Status.COMPLETED
    origin.close()
    print(f"a round of the engine: {seconds} s")
    for what, found in (("idle", idle), ("behind both", behind)):
        print(
            f"single page, {what}: median {statistics.median(found):.2f} s, most {max(found):.2f} s ({len(found)} pages)"
        )
    print(f"both bulks of {bulk} pages: {took:.0f} s, {(2 * bulk + len(behind)) / took:.1f} pages/s")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--pages", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--bulk", type=int, default=1000)
    parser.add_argument(
        "--seconds", type=float, default=0.4, help="of the engine for a batch of eight pages, with --bulk"
    )
    args = parser.parse_args()
    if args.pages:
        measure_cost(args.pages, args.rounds)
    if args.bulk:
        measure_fairness(args.bulk, args.seconds)


if __name__ == "__main__":
    main()
