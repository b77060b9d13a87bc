"""Warns of options of `celery worker` that have no effect on this pool."""

from collections.abc import Iterator, Mapping
from typing import Any

import click
from click.core import ParameterSource

from ocr_celery.settings import Settings

_POOL = "one process reads pages in batches"
#: option → how it is written, and what to do instead
_WITHOUT_EFFECT = {
    "concurrency": ("-c", f"{_POOL}; pages at once are OCR_BATCH_SIZE, more processes are more workers"),
    "pool": ("-P", f"the pool is always the batching one: {_POOL}"),
    "autoscale": ("--autoscale", f"{_POOL}; for more start more workers"),
    "prefetch_multiplier": ("--prefetch-multiplier", "the prefetch follows the engine's pace"),
    "disable_prefetch": ("--disable-prefetch", "the prefetch follows the engine's pace"),
    "optimization": ("-O", "it is for pools of processes"),
    "time_limit": ("--time-limit", "OCR_PAGE_DEADLINE bounds a page"),
    "soft_time_limit": ("--soft-time-limit", "OCR_PAGE_DEADLINE bounds a page"),
    "max_tasks_per_child": ("--max-tasks-per-child", "there are no child processes"),
    "max_memory_per_child": ("--max-memory-per-child", "there are no child processes"),
    "pool_start_method": ("--pool-start-method", "there are no child processes"),
}


def from_command_line() -> dict[str, Any]:
    """The options on this worker's command line, by Celery's names; none where it was started otherwise."""
    context = click.get_current_context(silent=True)
    if context is None:
        return {}
    written = (ParameterSource.COMMANDLINE, ParameterSource.ENVIRONMENT)
    return {name: value for name, value in context.params.items() if context.get_parameter_source(name) in written}


def notices(settings: Settings) -> Iterator[str]:
    """A sentence for what is in order, and yet the first thing to look at where this worker reads nothing."""
    if not settings.redis_url:
        yield f"REDIS_URL is not set: this worker reads from {settings.redis_address}"


def warnings(options: Mapping[str, Any], *, queue: str) -> Iterator[str]:
    """One warning for each option without effect. `queue`: OCR_QUEUE."""
    for name, (written, instead) in _WITHOUT_EFFECT.items():
        if name in options:
            yield f"the option {written} has no effect on this worker: {instead}"
    queues = options.get("queues") or [queue]
    others = [name for name in queues if name != queue]
    if others:
        yield (
            f"the option -Q {','.join(queues)} is not OCR_QUEUE={queue}: the limit, the counts, /ready and what is "
            f"cleared up are those of {queue}; to read another queue start a worker with OCR_QUEUE={others[0]}"
        )
