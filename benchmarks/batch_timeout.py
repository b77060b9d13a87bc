"""What OCR_BATCH_TIMEOUT does to pages per second and to latency, when few pages come and when many do.

    .venv-vllm/bin/python -m benchmarks.batch_timeout [--timeouts 0 0.05 0.2 0.5 2] [--pages 24] [--light 0.4]

One worker after the other, each with four places and its own timeout. Light load: a page comes every so often, for
which the engine needs about half its time; full load: all pages come at once. A page's latency counts from when it was sent.
"""

import argparse
import statistics
import time
from collections.abc import Sequence

from benchmarks.engine import NO_GUARD, PROMPT, wait
from benchmarks.worker import checkpoint, png, service
from ocr_celery.client import Client

TOKENS = 20  #: of each answer


def run(client: Client, pages: int, every: float) -> tuple[float, float, float]:
    """Pages per second, and the median and 95th percentile of the latency in seconds."""
    done, began, sent = client.stats().completed + pages, time.time(), []
    for n in range(pages):
        time.sleep(max(0.0, began + n * every - time.time()))
        sent.append((client.submit_image(png(200, 150), prompt=PROMPT, max_tokens=TOKENS, **NO_GUARD), time.time()))
    wait(client, done)
    ends = [client.look_up(id).updated_at for id, _ in sent]
    latencies = sorted(end - at for end, (_, at) in zip(ends, sent, strict=True))
    return pages / (max(ends) - began), statistics.median(latencies), latencies[int(0.95 * pages)]


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--timeouts", type=float, nargs="+", default=[0, 0.05, 0.2, 0.5, 2])
    parser.add_argument("--pages", type=int, default=24)
    parser.add_argument("--light", type=float, default=0.6, help="seconds between two pages of the light load")
    parser.add_argument("--engine", default="vllm", choices=["vllm", "scripted"])
    parser.add_argument("--model", help="a folder; the default is the generated checkpoint of the tests")
    args = parser.parse_args()
    print(
        "| timeout s | light: pages/s | p50 s | p95 s | full: pages/s | p50 s | p95 s |\n|---|---|---|---|---|---|---|"
    )
    with checkpoint(args.model) as model:
        for timeout in args.timeouts:
            print(f"| {timeout:g} {row(model, args.engine, timeout, args.pages, args.light)}|", flush=True)


def row(model: str, engine: str, timeout: float, pages: int, light: float) -> str:
    """One worker."""
    found: list[Sequence[float]] = []
    with service(model, OCR_ENGINE=engine, OCR_MAX_REREADS=0, OCR_BATCH_TIMEOUT=timeout) as (client, _):
        run(client, 4, 0)
        for every in (light, 0):
            found.append(run(client, pages, every))
    return "".join(f"| {rate:.2f} | {p50:.2f} | {p95:.2f} " for rate, p50, p95 in found)


if __name__ == "__main__":
    main()
