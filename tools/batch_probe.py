"""Finds the batch size for this machine: how many pages the engine should read at once.

    .venv/bin/python tools/batch_probe.py --test-image page.jpg [--max-batch 32] [--engine vllm] [--write-env] [--plot out.png]

Loads the configured engine once in a child process, which may run out of memory without harm, and keeps 1, 2, 4, … pages
inside it. Stops when it fails or when more pages at once bring no more pages per second.
"""

import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from queue import SimpleQueue
from typing import IO, Any

try:
    import click

    import ocr_celery  # noqa: F401  # the engine's process needs it; said here, before anything is measured
except ImportError as missing:
    sys.exit(
        f"{missing.name} is not installed for {sys.executable}; run this with the Python of the service, "
        "which make run or make install puts here: .venv/bin/python tools/batch_probe.py …"
    )

FLAT = 1.05  #: a step that brings less than this many times the pages per second is flat …
FLAT_STEPS = 2  #: … and so many in a row end the search
ENOUGH = 0.95  #: of the best pages per second: the smallest batch that reaches it is recommended
_GB = 1024**3


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What was measured with so many pages inside. Seconds and bytes."""

    batch: int
    rate: float  #: pages per second
    p50: float  #: of a page's time in the engine
    p95: float
    memory: int  #: most that the engine's processes had resident, or that the GPU had in use


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """What follows from the steps."""

    most: int  #: the largest batch that was read
    recommended: int
    why: str


def advise(steps: list[Step], *, failed: bool) -> Advice:
    """The smallest batch that is nearly as fast as the fastest; half of what fits, at most, if more was seen to fail."""
    most = steps[-1].batch
    best = max(step.rate for step in steps)
    chosen = next(step.batch for step in steps if step.rate >= ENOUGH * best)
    why = f"the smallest that reaches {ENOUGH:.0%} of the most pages per second seen"
    if failed and chosen > max(1, most // 2):
        chosen, why = max(1, most // 2), "half of the largest that was read, since a larger one failed"
    return Advice(most=most, recommended=chosen, why=why)


def flat(steps: list[Step]) -> bool:
    """Whether the last steps brought nothing."""
    last = steps[-FLAT_STEPS - 1 :]
    return len(last) > FLAT_STEPS and all(b.rate < FLAT * a.rate for a, b in itertools.pairwise(last))


def sizes(most: int) -> list[int]:
    """1, 2, 4, … up to `most`, which comes last."""
    found = [2**n for n in range(most.bit_length()) if 2**n < most]
    return [*found, most]


# -- the child: it loads the engine and measures -----------------------------------------------------------------------


def measure(image: Path, most: int, prompt: str | None) -> None:
    """Print a line of JSON for the machine, for each page and for each step, to standard output."""
    from ocr_celery.decode.image import load
    from ocr_celery.engine.registry import create_engine
    from ocr_celery.settings import load_settings

    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # engines talk, and so do the processes that they start
    settings = load_settings()
    engine = create_engine(settings)
    outcomes: SimpleQueue[Any] = SimpleQueue()
    engine.start(outcomes.put, outcomes.put)
    _say(out, machine=_machine(), engine=engine.name, model=engine.model)
    page = load(image.read_bytes(), max_pixels=settings.max_image_pixels, max_side=engine.max_side)
    options = replace(settings.options(), **({"prompt": prompt} if prompt else {}))
    for batch in sizes(most):
        count = max(8, 3 * batch)
        began, seconds, entered = time.monotonic(), [], 0
        while len(seconds) < count:
            room = min(batch - (entered - len(seconds)), count - entered)
            if room > 0:
                engine.enter([_engine_request(f"{batch}-{entered + n}", page, options) for n in range(room)])
                entered += room
            found = outcomes.get()
            if isinstance(found, BaseException):
                raise found
            for outcome in found:
                if isinstance(outcome.result, Exception):
                    raise outcome.result
                seconds.append(outcome.seconds)
                _say(out, page=len(seconds), of=count, batch=batch)
        took = time.monotonic() - began
        seconds.sort()
        p50, p95 = seconds[len(seconds) // 2], seconds[min(len(seconds) - 1, int(0.95 * len(seconds)))]
        _say(out, step=asdict(Step(batch=batch, rate=count / took, p50=p50, p95=p95, memory=_memory())))
    engine.stop()


def _end_with_the_parent() -> None:
    """Its end of our standard input is closed when it ends, however it does."""
    sys.stdin.read()
    os.killpg(0, 9)  # we lead a group of our own


def _engine_request(id: str, page: Any, options: Any) -> Any:
    from ocr_celery.engine.contract import EngineRequest

    return EngineRequest(id=id, page=page, options=options)


def _say(out: IO[str], **what: Any) -> None:
    print(json.dumps(what), file=out, flush=True)


def _cuda() -> Any:
    """torch.cuda, where the engine has loaded torch and there is a GPU."""
    torch = sys.modules.get("torch")
    return torch.cuda if torch is not None and torch.cuda.is_available() else None


def _machine() -> str:
    if cuda := _cuda():
        return str(cuda.get_device_name(0))
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        name = next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        name = "CPU"
    return f"{name}, {os.cpu_count()} cores"


def _memory() -> int:
    if cuda := _cuda():
        free, total = cuda.mem_get_info()
        return int(total - free)
    return sum(_peak(pid) for pid in _family(os.getpid()))


def _family(pid: int) -> Iterator[int]:
    yield pid
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text().split():
            yield from _family(int(child))


def _peak(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM")), 0)


# -- the parent: it watches, tells and advises -------------------------------------------------------------------------


def watch(command: list[str], env: dict[str, str]) -> tuple[dict[str, Any], list[Step], str]:
    """Run the child; answers what machine it is, the steps it got through, and why it ended ("" = nothing failed)."""
    machine: dict[str, Any] = {}
    steps: list[Step] = []
    bar: Any = None
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=env, stdin=pipe, stdout=pipe, text=True, start_new_session=True) as child:
        assert child.stdout is not None
        for line in child.stdout:
            said = json.loads(line)
            if "machine" in said:
                machine = said
                click.echo(f"{said['engine']} ({said['model']}) on {said['machine']}", err=True)
            elif "page" in said:
                if bar is None or bar.label != f"{said['batch']} at once":
                    bar = click.progressbar(length=said["of"], label=f"{said['batch']} at once", file=sys.stderr)
                bar.update(1)
            else:
                steps.append(Step(**said["step"]))
                bar.render_finish()
                click.echo(_row(steps[-1]))
                if flat(steps):
                    _end(child)
                    return machine, steps, ""
    return machine, steps, _reason(child.returncode)


def _end(child: "subprocess.Popen[str]") -> None:
    os.killpg(child.pid, 15)
    try:
        child.wait(20)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, 9)


def _reason(code: int) -> str:
    if code == 0:
        return ""
    return f"killed by signal {-code} (9: out of memory, as a rule)" if code < 0 else f"exit code {code}, see above"


def _row(step: Step) -> str:
    return f"{step.batch:>8}{step.rate:>12.2f}{step.p50:>12.2f}{step.p95:>12.2f}{step.memory / _GB:>12.2f}"


def report(machine: dict[str, Any], advice: Advice) -> dict[str, str]:
    """Print the recommendation; answers the settings it consists of."""
    settings = {
        "OCR_BATCH_SIZE": str(advice.recommended),
        "OCR_MAX_QUEUE_SIZE": str(max(100, 10 * advice.recommended)),
    }
    if machine["engine"] == "rapidocr":
        settings["OCR_CPU_THREADS"] = str(advice.recommended)
    click.echo(f"\nRECOMMENDATIONS\n{'=' * 60}\nFor {machine['machine']}:")
    click.echo(f"  Maximum safe batch size: {advice.most}")
    click.echo(f"  Recommended batch size: {advice.recommended}\n    ({advice.why})")
    click.echo("\nLines for .env:")
    for name, value in settings.items():
        click.echo(f"  {name}={value}")
    return settings


def plot(steps: list[Step], file: str) -> None:
    """Draw pages per second and latency over the batch size."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise click.ClickException("--plot needs matplotlib: pip install matplotlib") from None
    figure = Figure(figsize=(7, 4), layout="constrained")
    left = figure.subplots()
    right = left.twinx()
    at = [step.batch for step in steps]
    left.plot(at, [step.rate for step in steps], "o-", color="tab:blue", label="pages per second")
    right.plot(at, [step.p50 for step in steps], "s--", color="tab:orange", label="latency, median")
    right.plot(at, [step.p95 for step in steps], "^:", color="tab:red", label="latency, 95th percentile")
    left.set(xlabel="pages at once", ylabel="pages per second", ylim=(0, None))
    left.set_xscale("log", base=2)
    left.set_xticks(at, [str(n) for n in at])
    right.set(ylabel="seconds", ylim=(0, None))
    figure.legend(loc="outside upper center", ncols=3)
    figure.savefig(file)


@click.command(help=(__doc__ or "").partition("\n")[0])
@click.option("--test-image", required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--max-batch", default=32, show_default=True, type=click.IntRange(1, 1024), help="Pages at once, at most."
)
@click.option("--engine", type=click.Choice(["auto", "vllm", "rapidocr", "scripted"]), help="As OCR_ENGINE.")
@click.option("--prompt", help="As of a page; the default is the service's.")
@click.option("--write-env", is_flag=True, help="Write the recommendation into .env.")
@click.option("--plot", "picture", help="Draw the table into this PNG.")
@click.option("--measure", "child", is_flag=True, hidden=True)
def main(  # noqa: PLR0917
    test_image: Path,
    max_batch: int,
    engine: str | None,
    prompt: str | None,
    write_env: bool,
    picture: str | None,
    child: bool,
) -> None:
    """See the module."""
    if child:
        measure(test_image, max_batch, prompt)
        return
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    env = {**os.environ, "OCR_BATCH_SIZE": str(max_batch), "OCR_CPU_THREADS": str(min(64, max_batch))}
    env |= {"OCR_MAX_QUEUE_SIZE": str(max(100, max_batch))} | ({"OCR_ENGINE": engine} if engine else {})
    click.echo("loading the engine …", err=True)
    click.echo(f"{'at once':>8}{'pages/s':>12}{'p50 s':>12}{'p95 s':>12}{'memory GB':>12}")
    machine, steps, reason = watch([sys.executable, __file__, *sys.argv[1:], "--measure"], env)
    if reason:
        where = "before the first page was read" if not steps else f"with more than {steps[-1].batch} pages at once"
        click.echo(f"the engine failed {where}: {reason}", err=True)
    if not steps:
        sys.exit(1)
    settings = report(machine, advise(steps, failed=bool(reason)))
    if write_env:
        from dotenv import set_key

        Path(".env").touch()
        for name, value in settings.items():
            set_key(".env", name, value, quote_mode="never")
        click.echo("written to .env")
    if picture:
        plot(steps, picture)
        click.echo(f"drawn: {picture}")


if __name__ == "__main__":
    main()
