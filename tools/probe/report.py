"""What the probe prints, recommends and draws."""

from typing import Any

import click

from probe.advice import Advice, Step

_GB = 1024**3
HEADING = f"{'at once':>8}{'pages/s':>12}{'p50 s':>12}{'p95 s':>12}{'CPU s/page':>12}{'memory GB':>12}"


def row(step: Step) -> str:
    """A step as a row under `HEADING`."""
    return f"{step.batch:>8}{step.rate:>12.2f}{step.p50:>12.2f}{step.p95:>12.2f}{step.cpu:>12.2f}{step.memory / _GB:>12.2f}"


def report(machine: dict[str, Any], advice: Advice) -> dict[str, str]:
    """Print the recommendation and return its settings."""
    settings = {
        "OCR_BATCH_SIZE": str(advice.recommended),
        "OCR_MAX_QUEUE_SIZE": str(max(100, 10 * advice.recommended)),
    }
    if machine["engine"] == "rapidocr":
        settings["OCR_CPU_THREADS"] = str(advice.recommended)
    click.echo(f"\nRECOMMENDATIONS\n{'=' * 60}\nFor {machine['machine']}:")
    click.echo(f"  Maximum safe batch size: {advice.largest}")
    click.echo(f"  Recommended batch size: {advice.recommended}\n    ({advice.reason})")
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
