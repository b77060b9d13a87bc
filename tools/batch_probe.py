"""Finds the batch size for this machine: how many pages the engine should read at once.

    .venv/bin/python tools/batch_probe.py --test-image page.jpg [--max-batch 32] [--engine vllm] [--write-env] [--plot out.png]

Loads the configured engine once in a child process, which may run out of memory without harm, and keeps 1, 2, 4, … pages
inside it. Stops when it fails or when more pages at once bring no more pages per second.
"""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

try:
    import click

    from ocr_celery.settings import EngineName
except ImportError as missing:
    sys.exit(
        f"{missing.name} is not installed for {sys.executable}; run this with the Python of the service, "
        "which make run or make install puts here: .venv/bin/python tools/batch_probe.py …"
    )

if str(Path(__file__).parent) not in sys.path:
    sys.path.insert(0, str(Path(__file__).parent))

from probe.advice import Step, advise, is_flat
from probe.measurement import measure
from probe.report import HEADING, plot, report, row


def watch(command: list[str], env: dict[str, str]) -> tuple[dict[str, Any], list[Step], str]:
    """Run the child; return its machine, the steps that it measured, and why it failed ("" = it did not)."""
    machine: dict[str, Any] = {}
    steps: list[Step] = []
    bar: Any = None
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=env, stdin=pipe, stdout=pipe, text=True, start_new_session=True) as child:
        assert child.stdout is not None
        for line in child.stdout:
            event = json.loads(line)
            if "machine" in event:
                machine = event
                click.echo(f"{event['engine']} ({event['model']}) on {event['machine']}", err=True)
            elif "page" in event:
                bar = _progress_bar(bar, event)
                bar.update(1)
            else:
                steps.append(Step(**event["step"]))
                bar.render_finish()
                click.echo(row(steps[-1]))
                if is_flat(steps):
                    _end(child)
                    return machine, steps, ""
    return machine, steps, _failure(child.returncode)


def _progress_bar(bar: Any, event: dict[str, Any]) -> Any:
    """The bar of the step to which this page belongs."""
    label = f"{event['batch']} at once"
    if bar is not None and bar.label == label:
        return bar
    return click.progressbar(length=event["of"], label=label, file=sys.stderr)


def _end(child: "subprocess.Popen[str]") -> None:
    os.killpg(child.pid, 15)
    try:
        child.wait(20)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, 9)


def _failure(code: int) -> str:
    if code == 0:
        return ""
    return f"killed by signal {-code} (9: out of memory, as a rule)" if code < 0 else f"exit code {code}, see above"


@click.command(help=(__doc__ or "").partition("\n")[0])
@click.option("--test-image", required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--max-batch", default=32, show_default=True, type=click.IntRange(1, 1024), help="Pages at once, at most."
)
@click.option("--engine", type=click.Choice(get_args(EngineName)), help="As OCR_ENGINE.")
@click.option("--prompt", help="As of a page; the default is the service's.")
@click.option("--write-env", is_flag=True, help="Write the recommendation into .env.")
@click.option("--plot", "picture", help="Draw the table into this PNG.")
@click.option("--measure", "is_child", is_flag=True, hidden=True)
def main(  # noqa: PLR0917
    test_image: Path,
    max_batch: int,
    engine: str | None,
    prompt: str | None,
    write_env: bool,
    picture: str | None,
    is_child: bool,
) -> None:
    """Measure in a child process, print the steps, and recommend a batch size."""
    if is_child:
        measure(test_image, max_batch, prompt)
        return
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    click.echo("loading the engine …", err=True)
    click.echo(HEADING)
    command = [sys.executable, __file__, *sys.argv[1:], "--measure"]
    machine, steps, failure = watch(command, _environment(max_batch, engine))
    if failure:
        where = "before the first page was read" if not steps else f"with more than {steps[-1].batch} pages at once"
        click.echo(f"the engine failed {where}: {failure}", err=True)
    if not steps:
        sys.exit(1)
    settings = report(machine, advise(steps, failed=bool(failure)))
    if write_env:
        _write_env(settings)
    if picture:
        plot(steps, picture)
        click.echo(f"drawn: {picture}")


def _environment(max_batch: int, engine: str | None) -> dict[str, str]:
    """The child's environment: room for the largest batch, and the engine that was asked for."""
    env = {**os.environ, "OCR_BATCH_SIZE": str(max_batch), "OCR_CPU_THREADS": str(min(64, max_batch))}
    env["OCR_MAX_QUEUE_SIZE"] = str(max(100, max_batch))
    return env | ({"OCR_ENGINE": engine} if engine else {})


def _write_env(settings: dict[str, str]) -> None:
    from dotenv import set_key

    Path(".env").touch()
    for name, value in settings.items():
        set_key(".env", name, value, quote_mode="never")
    click.echo("written to .env")


if __name__ == "__main__":
    main()
