"""How fast pages are decoded in children, against in this process as it was once done, interleaved; and what the process
itself is busy with meanwhile.

    python -m benchmarks.decoding [--pages 120] [--rounds 3] [--side 1920]
"""

import argparse
import io
import os
import random
import statistics
import threading
import time
from collections.abc import Callable
from itertools import count

from PIL import Image, ImageDraw, ImageFilter, ImageFont

from ocr_celery.core.page import Page
from ocr_celery.decode.image import load
from ocr_celery.decode.pool import DecoderPool

A4_AT_200_DPI = (1654, 2339)
FILE_SIZE = 730_000  #: bytes, about
MAX_PIXELS = 64_000_000


def scan() -> bytes:
    """A page of print as a scanner sees it, as a JPEG of about FILE_SIZE."""
    chance, image = random.Random(1), Image.new("L", A4_AT_200_DPI, 245)
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(26)
    for y in range(120, 2200, 36):
        words = (chance.choice(["page", "of", "print", "reading", "7", "scanner", "a", "bright"]) for _ in range(17))
        draw.text((140, y), " ".join(words), 30, font)
    noise = Image.effect_noise(A4_AT_200_DPI, 30)
    image = Image.blend(image.filter(ImageFilter.GaussianBlur(0.6)), noise, 0.15).convert("RGB")
    for quality in range(30, 96):
        file = io.BytesIO()
        image.save(file, "JPEG", quality=quality)
        if file.tell() >= FILE_SIZE:
            break
    return file.getvalue()


def measure(decode: Callable[[], Page], pages: int, threads: int) -> tuple[float, float]:
    """Pages a second, and seconds of this process's CPU time for each, over so many threads."""
    numbers, began, cpu = count(), time.perf_counter(), time.process_time()

    def work() -> None:
        while next(numbers) < pages:
            decode()

    running = [threading.Thread(target=work) for _ in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    return pages / (time.perf_counter() - began), (time.process_time() - cpu) / pages


def main() -> None:
    """Print a line for each round, and the medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=120)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--side", type=int, default=1920, help="pixels of a page's longer side; 1920 as the CPU engine")
    asked = parser.parse_args()
    data, processors = scan(), len(os.sched_getaffinity(0))
    print(
        f"JPEG of {len(data)} bytes, {A4_AT_200_DPI[0]} x {A4_AT_200_DPI[1]}, scaled to {asked.side}; {processors} CPUs"
    )
    pool = DecoderPool(max_pixels=MAX_PIXELS, max_side=asked.side, seconds=60)
    measure(lambda: pool.decode(data), 8 * processors, 8)  # every child is warm
    rounds = []
    for _ in range(asked.rounds):
        here = measure(lambda: load(data, max_pixels=MAX_PIXELS, max_side=asked.side), asked.pages, processors)
        children = measure(lambda: pool.decode(data), asked.pages, 8)
        rounds.append((children[0] / here[0], children[1] / here[1]))
        print(
            f"in process {here[0]:6.1f} pages/s, {1000 * here[1]:5.1f} ms of its CPU a page;"
            f" children {children[0]:6.1f} pages/s, {1000 * children[1]:5.1f} ms;"
            f" ratio {rounds[-1][0]:.2f}, its CPU {rounds[-1][1]:.3f}"
        )
    pool.close()
    print(f"median: {statistics.median(r[0] for r in rounds):.2f} of the pages a second in process", end=", ")
    print(f"{statistics.median(r[1] for r in rounds):.3f} of this process's CPU time a page")


if __name__ == "__main__":
    main()
