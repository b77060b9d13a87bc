"""Whether a worker that reads with vLLM grows: memory of all its processes while it reads many pages.

    .venv-vllm/bin/python -m benchmarks.soak [--pages 2000] [--warm-up 200] [--every 100]

Pages have many sizes, so that pictures with and without tiles are among them. Prints what the worker and the processes of
its engine have resident, and how much more that is than after the warm-up; the exit status is 1 if it is 5 % or more.
"""

import argparse
import random
import sys

import psutil

from benchmarks.engine import NO_GUARD, PROMPT
from benchmarks.worker import checkpoint, png, service, until
from ocr_celery.client import Client

MOST = 0.05  #: of growth
_MB = 1e6


def resident(pid: int) -> dict[str, int]:
    """Bytes of memory of the worker and of what descends from it, by name."""
    worker = psutil.Process(pid)
    found = {"worker": worker.memory_info().rss}
    for process in worker.children(recursive=True):
        name = process.cmdline()[0] if process.cmdline() else ""
        if name.startswith("VLLM::"):
            found[name] = process.memory_info().rss
    return found


def read(client: Client, pages: int, draw: random.Random) -> None:
    """So many pages, a few times as many in the queue as there are places."""
    done = client.stats().completed + pages
    for _ in range(pages):
        size = draw.choice([(200, 150), (640, 480), (900, 700), (700, 1000)])
        client.submit_image(png(*size), prompt=PROMPT, max_tokens=draw.randint(3, 12), **NO_GUARD)
    until(lambda: client.stats().completed == done, timeout=3600, what="all pages are read")


def main() -> None:
    """Read and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    for name, default in (("pages", 2000), ("warm-up", 200), ("every", 100)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--model", help="a folder; the default is the generated checkpoint of the tests")
    args = parser.parse_args()
    draw = random.Random(1)
    with (
        checkpoint(args.model) as model,
        service(model, OCR_MAX_REREADS=0, OCR_MAX_QUEUE_SIZE=100_000, OCR_TASK_TTL=600) as (client, worker),
    ):
        read(client, args.warm_up, draw)
        before, pages, growth = resident(worker.process.pid), 0, 0.0
        print(f"after {args.warm_up} pages of warm-up: {in_megabytes(before)}", flush=True)
        while pages < args.pages:
            read(client, args.every, draw)
            pages += args.every
            now = resident(worker.process.pid)
            growth = sum(now.values()) / sum(before.values()) - 1
            print(f"{pages:6} {in_megabytes(now)}  {growth:+.1%}", flush=True)
    sys.exit(growth >= MOST)


def in_megabytes(found: dict[str, int]) -> str:
    """Each kind of memory with its megabytes."""
    return ", ".join(f"{name} {size / _MB:.0f} MB" for name, size in found.items())


if __name__ == "__main__":
    main()
