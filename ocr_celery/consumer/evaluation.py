"""What becomes of a reading: another reading with stricter options, or the page's result."""

from typing import Any

from ocr_celery import message
from ocr_celery.consumer.page_run import PageRun
from ocr_celery.core.options import Options
from ocr_celery.core.reread_policy import next_attempt
from ocr_celery.engine.contract import Engine
from ocr_celery.settings import Settings


class Evaluator:
    """Safe to use from many threads."""

    def __init__(self, settings: Settings, engine: Engine) -> None:
        self._max_rereads = settings.max_rereads if engine.supports_reread else 0
        self._default_max_tokens = settings.options().max_tokens
        self._engine = engine

    def next_options(self, run: PageRun) -> Options | None:
        """The options of another reading; None where the page was read well, or often enough."""
        assert run.job is not None
        return next_attempt(
            run.readings,
            run.job.options,
            max_rereads=self._max_rereads,
            default_max_tokens=self._default_max_tokens,
        )

    def result(self, run: PageRun) -> dict[str, Any]:
        """The task's result: the best of the page's readings."""
        assert run.page is not None
        return message.result_dict(
            run.readings,
            run.page,
            engine=self._engine.name,
            model=self._engine.model,
            waited=run.waited,
            prepared=run.prepare_seconds,
            read=run.read_seconds,
        )
