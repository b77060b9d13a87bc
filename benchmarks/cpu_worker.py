"""How fast a whole worker reads with the CPU engine, and against the worker of another checkout, in turn.

Both workers stay warm; each round sends the same pages to one and then to the other, so that what else the machine does
falls on both. Run it where nothing else is busy; the ratio is this checkout's pages a second to the other's, a median of rounds.

    .venv/bin/python -m benchmarks.cpu_worker [--against ../other-checkout] [--rounds 11] [--pages 6]
"""

import io
import os
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import click
from celery import Celery
from PIL import Image, ImageDraw, ImageFont

from tests.testlib.processes import RedisServer, until

ROOT = Path(__file__).parent.parent

QUEUE = "bench"
WORDS = ["every", "line", "of", "this", "page", "is", "read", "by", "the", "engine", "on", "a", "processor"]


def page_image(number: int) -> bytes:
    """A JPEG of an A4 page at 200 dpi with a dozen lines, different from page to page."""
    image = Image.new("RGB", (1654, 2339), "white")
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(36)
    for line in range(12):
        words = [WORDS[(number + line + i) % len(WORDS)] for i in range(9)]
        draw.text((150, 200 + 150 * line), " ".join(words), "black", font)
    file = io.BytesIO()
    image.save(file, "JPEG", quality=90)
    return file.getvalue()


class WarmWorker:
    """A worker of one checkout with its own Redis."""

    def __init__(self, checkout: Path, stack: ExitStack) -> None:
        self.redis = RedisServer()
        self.redis.start()
        stack.callback(self.redis.stop)
        log = stack.enter_context(tempfile.NamedTemporaryFile(suffix=".log"))  # noqa: SIM115
        settings = {"OCR_ENGINE": "rapidocr", "OCR_QUEUE": QUEUE, "REDIS_URL": self.redis.url}
        settings |= {"PYTHONPATH": str(checkout), "OCR_MAX_REREADS": "0"}
        process = subprocess.Popen(
            [sys.executable, "-m", "celery", "-A", "ocr_celery", "worker", "-n", "bench@%h"],
            cwd=checkout,
            env={**os.environ, **settings},
            stdout=log,
            stderr=log,
        )
        stack.callback(process.wait, 30)
        stack.callback(process.terminate)
        self.app = Celery(broker=self.redis.url, backend=self.redis.url)
        path = Path(log.name)
        until(lambda: b" ready." in path.read_bytes() or process.poll() is not None, timeout=120)
        assert process.poll() is None, path.read_text()

    def pages_per_second(self, images: list[bytes]) -> float:
        """Send these pages and wait for all of them."""
        began = time.monotonic()
        sent = [self.app.send_task("ocr.image", [image], queue=QUEUE) for image in images]
        for result in sent:
            result.get(timeout=300)
        return len(images) / (time.monotonic() - began)


@click.command()
@click.option("--against", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--rounds", default=11, show_default=True)
@click.option("--pages", default=6, show_default=True)
def main(against: Path | None, rounds: int, pages: int) -> None:
    """Measure and print."""
    images = [page_image(number) for number in range(pages)]
    with ExitStack() as stack:
        here = WarmWorker(ROOT, stack)
        other = WarmWorker(against.resolve(), stack) if against else None
        for worker in (here, other):
            if worker:
                worker.pages_per_second(images)  # warms up
        ratios = []
        for number in range(rounds):
            order = [here, other] if number % 2 else [other, here]
            speeds = {id(worker): worker.pages_per_second(images) for worker in order if worker}
            line = f"round {number + 1}: {speeds[id(here)]:.2f} pages/s"
            if other:
                ratios.append(speeds[id(here)] / speeds[id(other)])
                line += f", the other {speeds[id(other)]:.2f}, ratio {ratios[-1]:.3f}"
            print(line, flush=True)
        if ratios:
            print(f"median ratio {statistics.median(ratios):.3f}, from {min(ratios):.2f} to {max(ratios):.2f}")


if __name__ == "__main__":
    main()
