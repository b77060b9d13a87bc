"""How many pages a second our worker reads through Celery and Redis, against vLLM itself and against batch after batch.

    .venv-vllm/bin/python -m benchmarks.engine [--rounds 4] [--repeat 3] [--model FOLDER] [--width 200] [--height 150]

Three ways to read the same pages with the same engine arguments, four places each, in turn: raw `AsyncLLM` fed all pages at
once; a worker process of ours; `LLM.generate` on one group of four after another. Answers are of one length each (72 tokens),
or of very different ones (13 pages of 20 tokens and 3 of 300, repeated). A page's latency counts from the start of its round.
Nothing else should run on the machine.
"""

import argparse
import asyncio
import io
import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import psutil
from PIL import Image

from benchmarks.worker import PLACES, TOKENS, checkpoint, service
from ocr_celery.client import Client
from ocr_celery.core.status import Status
from ocr_celery.engine.vllm.process_reaper import ProcessReaper

PROMPT = "<image>\nAgain!"  #: the generated checkpoint answers it without end
NO_GUARD = {"ngram_size": 10_000, "window_size": 10_000}  #: longer than any answer here
SKEWED = [300 if n in (1, 6, 11) else 20 for n in range(16)]
UNIFORM = [72] * 16


@dataclass(frozen=True, slots=True)
class Round:
    """What one round measured."""

    rate: float  #: pages per second
    latencies: tuple[float, ...]  #: seconds, of each page
    cpu: float  #: seconds of all processes per page

    @property
    def mean(self) -> float:
        return statistics.mean(self.latencies)

    @property
    def p95(self) -> float:
        return sorted(self.latencies)[int(0.95 * len(self.latencies))]


Way = Callable[[Sequence[int]], list[float]]  #: tokens of each page → seconds until each was read


# -- the three ways ----------------------------------------------------------------------------------------------------


def raw(arguments: dict[str, Any], image: Image.Image) -> Way:
    """`AsyncLLM`, given all pages at once. Pages are decoded before."""
    from vllm.engine.arg_utils import AsyncEngineArgs
    from vllm.renderers.inputs.preprocess import parse_model_prompt
    from vllm.v1.engine.async_llm import AsyncLLM

    async def load() -> AsyncLLM:
        return AsyncLLM.from_engine_args(AsyncEngineArgs(**arguments))

    loop = asyncio.new_event_loop()
    engine = loop.run_until_complete(load())

    async def one(tokens: int, began: float) -> float:
        page = parse_model_prompt(engine.model_config, {"prompt": PROMPT, "multi_modal_data": {"image": image}})
        (rendered,) = await engine.renderer.render_cmpl_async([page])
        async for _ in engine.generate(rendered, sampling(tokens), str(uuid4())):
            pass
        return time.monotonic() - began

    async def all_at_once(lengths: Sequence[int]) -> list[float]:
        began = time.monotonic()
        return await asyncio.gather(*(one(tokens, began) for tokens in lengths))

    return lambda lengths: loop.run_until_complete(all_at_once(lengths))


def batch_after_batch(arguments: dict[str, Any], image: Image.Image) -> Way:
    """`LLM.generate` on groups of four. Pages are decoded before."""
    from vllm import LLM

    llm = LLM(**arguments)

    def read(lengths: Sequence[int]) -> list[float]:
        began, found = time.monotonic(), []
        for first in range(0, len(lengths), PLACES):
            group = lengths[first : first + PLACES]
            pages = [{"prompt": PROMPT, "multi_modal_data": {"image": image}} for _ in group]
            llm.generate(pages, [sampling(tokens) for tokens in group], use_tqdm=False)
            found += [time.monotonic() - began] * len(group)
        return found

    return read


def worker(client: Client, image: Image.Image) -> Way:
    """Ours: pages are files when they are sent, and read when their result lies in Redis."""
    file = io.BytesIO()
    image.save(file, "PNG")

    def read(lengths: Sequence[int]) -> list[float]:
        done, began = client.stats().completed + len(lengths), time.time()
        ids = [client.submit_image(file.getvalue(), prompt=PROMPT, max_tokens=n, **NO_GUARD) for n in lengths]
        wait(client, done)
        views = [client.look_up(id) for id in ids]
        assert all(view.status is Status.COMPLETED for view in views)
        assert [view.result["output_tokens"] for view in views if view.result] == list(lengths)
        return [view.updated_at - began for view in views]

    return read


def wait(client: Client, done: int) -> None:
    """Until so many pages are read. Redis knows when each was: looking often would only take the processor from them."""
    while client.stats().completed < done:
        time.sleep(0.5)


def sampling(tokens: int) -> Any:
    """As ours, for a page with so long an answer."""
    from vllm import SamplingParams
    from vllm.sampling_params import RequestOutputKind

    guard = {**NO_GUARD, "whitelist_token_ids": set()}
    return SamplingParams(temperature=0, max_tokens=tokens, output_kind=RequestOutputKind.FINAL_ONLY, extra_args=guard)


# -- the measurement ---------------------------------------------------------------------------------------------------


def measure(way: Way, lengths: Sequence[int]) -> Round:
    """One round."""
    cpu = cpu_seconds()
    latencies = way(lengths)
    return Round(len(lengths) / max(latencies), tuple(latencies), (cpu_seconds() - cpu) / len(lengths))


def cpu_seconds() -> float:
    """What this process and all that descend from it have used so far; the ways that are not measured just now wait."""
    here = psutil.Process()
    times = [process.cpu_times() for process in (here, *here.children(recursive=True))]
    return sum(time.user + time.system for time in times)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    for name, default in (("rounds", 4), ("repeat", 3), ("width", 200), ("height", 150)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--model", help="a folder; the default is the generated checkpoint of the tests")
    args = parser.parse_args()
    image = Image.new("RGB", (args.width, args.height), "white")
    with ExitStack() as stack:
        model = stack.enter_context(checkpoint(args.model))
        # its processes are started before this one has an event loop and threads of vLLM
        client, _ = stack.enter_context(service(model, OCR_MAX_REREADS=0, OCR_MAX_QUEUE_SIZE=10_000))
        from ocr_celery.engine.vllm.config import VllmConfig
        from ocr_celery.engine.vllm.environment import prepare_environment
        from ocr_celery.engine.vllm.model import engine_arguments

        prepare_environment()
        config = VllmConfig(
            path=model, capacity=PLACES, max_model_len=TOKENS, gpu_memory_utilization=0.3, tensor_parallel_size=1
        )
        given = engine_arguments(config)
        reaper = ProcessReaper()
        stack.callback(reaper.kill_tagged)
        with reaper.tag_children():
            ways = {"raw": raw(given, image), "batches": batch_after_batch(given, image)}
        ways["worker"] = worker(client, image)
        for name, lengths in (("uniform", UNIFORM), ("skewed", SKEWED)):
            found = rounds(ways, lengths * args.repeat, args.rounds, name)
            report(name, found)


def rounds(ways: dict[str, Way], lengths: Sequence[int], count: int, name: str) -> dict[str, list[Round]]:
    """Each way in turn, and again."""
    for way in ways.values():
        way(lengths[:8])  # what is made on first use is not measured
    found: dict[str, list[Round]] = {way: [] for way in ways}
    for number in range(count):
        for way, read in ways.items():
            found[way].append(one := measure(read, lengths))
            print(f"{name} {number + 1} {_row(way, one.rate, one.mean, one.p95, one.cpu)}", flush=True)
    return found


def report(name: str, found: dict[str, list[Round]]) -> None:
    """Medians over the rounds, best rates, and ratios; a ratio is the median of those within one round."""
    for way, rounds in found.items():
        rate, mean, p95, cpu = (
            statistics.median(getattr(r, what) for r in rounds) for what in ("rate", "mean", "p95", "cpu")
        )
        best = max(r.rate for r in rounds)
        print(f"{name:9} {_row(way, rate, mean, p95, cpu)}, best {best:.2f} pages/s")
    for other in ("raw", "batches"):
        pairs = list(zip(found["worker"], found[other], strict=True))
        rate = statistics.median(ours.rate / its.rate for ours, its in pairs)
        latency = statistics.median(ours.mean / its.mean for ours, its in pairs)
        cpu = statistics.median(ours.cpu / its.cpu for ours, its in pairs)
        best = max(r.rate for r in found["worker"]) / max(r.rate for r in found[other])
        print(
            f"{name:9} worker/{other}: {rate:.2f} x pages/s (best against best {best:.2f}), "
            f"{latency:.2f} x mean latency, {cpu:.2f} x CPU"
        )


def _row(way: str, rate: float, mean: float, p95: float, cpu: float) -> str:
    return f"{way:8}{rate:7.2f} pages/s{mean:8.2f} s mean{p95:8.2f} s p95{cpu:7.3f} s CPU/page"


if __name__ == "__main__":
    main()
