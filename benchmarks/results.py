"""What it takes to get the result of a long document as a file: time to the first byte, to all, and memory of the facade.

    .venv/bin/python -m benchmarks.results [--pages 1000] [--formats md,html,json]

A Redis and a facade of their own; the pages are recorded as a worker would, none is read.
"""

import argparse
import json
import threading
import time

import requests

from ocr_celery.client import Client
from ocr_celery.core.document import PageSet, page_id
from ocr_celery.settings import Settings
from tests.faults.memory import resident
from tests.testlib.facade_process import served
from tests.testlib.opened_document import open_document
from tests.testlib.processes import RedisServer
from tests.testlib.worker_double import FOUND

_MB = 1_000_000
_FORMATS = "md,text,json,chunks,raw,html,html&merge_tables=true,json&render=html"
_ROWS = "".join(f"<tr><td>Item {n}</td><td>{n}.5</td><td>\\({n}^2\\)</td></tr>" for n in range(12))
_PARAGRAPH = "The quick brown fox jumps over the lazy dog, and *H<sub>2</sub>O* is \\(a_{1} \\le b^{2}\\) again. "


def page_text(number: int) -> str:
    """The answer of an engine: a title, paragraphs with formulas, and a table."""
    box = "<|ref|>{}<|/ref|><|det|>[[10, {}, 900, {}]]<|/det|>\n{}\n\n"
    blocks = [("title", f"Chapter {number}"), *[("text", _PARAGRAPH * 4)] * 8]
    blocks += [("equation", "\\[ \\frac{a}{b} = \\sum_{i=1}^{n} x_i \\]")]
    blocks += [("table", f"<table><tr><td>Item</td><td>Value</td><td>Square</td></tr>{_ROWS}</table>")]
    return "".join(box.format(label, at * 40, at * 40 + 30, text) for at, (label, text) in enumerate(blocks))


def record_document(url: str, pages: int) -> str:
    """A document whose pages were all read; returns its id."""
    client = Client(Settings(redis_url=url), service=True)
    id = open_document(client, PageSet(pages, f"1-{pages}"))
    with client.redis.pipeline() as pipe:
        for number in range(1, pages + 1):
            result = {"text": page_text(number), **FOUND}
            pipe.set(client.keys.meta(page_id(id, number)), json.dumps({"status": "SUCCESS", "result": result}))
            pipe.hset(client.keys.task(page_id(id, number)), "state", "SUCCESS")
        pipe.execute()
    client.redis.close()
    return id


def measure(url: str, pid: int) -> tuple[float, float, int, int]:
    """Seconds to the first byte and to all, bytes, and the most memory of this process meanwhile."""
    most, over = resident(pid), threading.Event()

    def look() -> None:
        nonlocal most
        while not over.wait(0.05):
            most = max(most, resident(pid))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        began, size = time.monotonic(), 0
        with requests.get(url, stream=True, timeout=600) as answer:
            answer.raise_for_status()
            pieces = answer.iter_content(64 * 1024)
            size += len(next(pieces))
            first = time.monotonic() - began
            size += sum(map(len, pieces))
        return first, time.monotonic() - began, size, most
    finally:
        over.set()
        thread.join()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--pages", type=int, default=1000)
    parser.add_argument("--formats", default=_FORMATS)
    args = parser.parse_args()
    redis = RedisServer()
    redis.start()
    try:
        id = record_document(redis.url, args.pages)
        with served(redis.url) as server:
            measure(
                f"{server.url}/ocr/{id}/result?partial=true&page=1&format=html", server.worker_pid
            )  # all is imported
            for query in args.formats.split(","):
                before = resident(server.worker_pid)
                url = f"{server.url}/ocr/{id}/result?partial=true&format={query}"
                first, whole, size, most = measure(url, server.worker_pid)
                print(
                    f"{query:24} first byte {1000 * first:5.0f} ms   all {whole:5.1f} s   {size / _MB:5.1f} MB   "
                    f"facade {before / _MB:.0f} MB, at most {(most - before) / _MB:+.0f} MB"
                )
    finally:
        redis.stop()
        redis.folder.cleanup()


if __name__ == "__main__":
    main()
