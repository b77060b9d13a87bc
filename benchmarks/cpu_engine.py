"""What a page costs the CPU engine: with each runtime, in another checkout, and beside tesseract where it is installed.

    .venv/bin/python -m benchmarks.cpu_engine FILE… [--against ../other-checkout] [--rounds 2] [--threads 1]

Each contestant stays warm in a process of its own and reads all files in its turn, round by round, so that what else the
machine does falls on all of them. Seconds are of the processor; the ratio is to the first contestant, a median of rounds.
"""

import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path

import click
from PIL import Image

from ocr_celery.engine.rapid.engine import RapidEngine

ROOT = Path(__file__).parent.parent
MAX_SIDE = RapidEngine.max_side  #: pixels, as the engine has its pages from the decoder

_READER = """
import json, sys, time
from queue import SimpleQueue
from PIL import Image
from ocr_celery.core.options import Options
from ocr_celery.core.page import Page
from ocr_celery.engine.contract import EngineRequest
from ocr_celery.engine.rapid.engine import RapidEngine

threads, runtime, *files = sys.argv[1:]
out, events = sys.stdout, SimpleQueue()
engine = RapidEngine(int(threads), **({"runtime": runtime} if runtime else {}))
engine.start(events.put, events.put)
pages = [Image.open(file).convert("RGB") for file in files]
pages = [Page(image=image, width=image.width, height=image.height) for image in pages]
print("ready", file=out, flush=True)
for _ in sys.stdin:
    began, texts = time.process_time(), {}
    engine.enter([EngineRequest(id=str(n), page=page, options=Options()) for n, page in enumerate(pages)])
    while len(texts) < len(pages):
        texts |= {outcome.id: outcome.result.text for outcome in events.get()}
    taken = time.process_time() - began
    kept = dict(line.split(":") for line in open("/proc/self/status"))["VmHWM"].split()[0]
    print(json.dumps([taken, int(kept) / 1024, texts]), file=out, flush=True)
"""

Round = tuple[float, float, dict[str, str]]  #: seconds of the processor, most megabytes so far, texts


def reader(checkout: Path, runtime: str, threads: int, files: list[Path], stack: ExitStack) -> Callable[[], Round]:
    """The engine of a checkout in a process of its own, warm."""
    process = subprocess.Popen(
        [sys.executable, "-c", _READER, str(threads), runtime, *map(str, files)],
        cwd=checkout,
        env={**os.environ, "PYTHONPATH": str(checkout)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    stack.callback(process.wait, 30)
    stack.callback(process.terminate)
    to, back = process.stdin, process.stdout
    assert to is not None
    assert back is not None
    assert back.readline() == "ready\n", f"the engine of {checkout} did not start"

    def read() -> Round:
        print("go", file=to, flush=True)
        return tuple(json.loads(back.readline()))

    return read


def tesseract(files: list[Path]) -> Round:
    """Tesseract on the same pages, one process a page, one thread."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    texts = {}
    for number, file in enumerate(files):
        command = ["tesseract", str(file), "-"]
        done = subprocess.run(
            command, env={**os.environ, "OMP_THREAD_LIMIT": "1"}, capture_output=True, text=True, check=True
        )
        texts[str(number)] = done.stdout
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, after.ru_maxrss / 1024, texts


def prepared(files: tuple[Path, ...], folder: Path) -> list[Path]:
    """The pages as the engine has them, as PNG files."""
    made = []
    for number, file in enumerate(files):
        with Image.open(file) as image:
            page = image.convert("RGB")
        page.thumbnail((MAX_SIDE, MAX_SIDE))
        made.append(folder / f"{number}.png")
        page.save(made[-1])
    return made


@click.command(help=(__doc__ or "").partition("\n")[0])
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--against", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--rounds", default=2, show_default=True)
@click.option("--threads", default=1, show_default=True, help="Pages that the engine reads at once.")
def main(files: tuple[Path, ...], against: Path | None, rounds: int, threads: int) -> None:
    """Measure and print."""
    with ExitStack() as stack:
        pages = prepared(files, Path(stack.enter_context(tempfile.TemporaryDirectory())))
        contestants: dict[str, Callable[[], Round]] = {}
        for name in ("onnxruntime", "openvino"):
            if find_spec(name):
                contestants[name] = reader(ROOT, name, threads, pages, stack)
        if against:
            contestants["against"] = reader(against.resolve(), "", threads, pages, stack)
        if shutil.which("tesseract"):
            contestants["tesseract"] = lambda: tesseract(pages)
        measure(contestants, len(pages), rounds)


def measure(contestants: dict[str, Callable[[], Round]], pages: int, rounds: int) -> None:
    """Each contestant in turn, round by round; then medians, and whose texts differ from the first one's."""
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    texts: dict[str, dict[str, str]] = {}
    for number in range(rounds):
        for name, read in contestants.items():
            began = time.monotonic()
            taken, memory, texts[name] = read()
            rate = pages / (time.monotonic() - began)
            seconds[name].append(taken / pages)
            print(
                f"{number + 1} {name:12}{taken / pages:8.2f} CPU s/page{rate:8.2f} pages/s{memory:8.0f} MB", flush=True
            )
    first, *_ = contestants
    for name, taken in seconds.items():
        ratio = statistics.median(a / b for a, b in zip(taken, seconds[first], strict=True))
        different = sum(texts[name][page] != text for page, text in texts[first].items())
        print(
            f"{name:12}{statistics.median(taken):8.2f} CPU s/page, {ratio:.2f} of {first}'s, {different} pages read otherwise"
        )


if __name__ == "__main__":
    main()
