"""What becomes of a page: another reading with stricter options, its result, or the text that its file has for it."""

import logging
import time
from typing import Any

from ocr_celery import message, task_results
from ocr_celery.consumer.page_run import PageRun
from ocr_celery.core import grounding, markdown
from ocr_celery.core.options import Options
from ocr_celery.core.page import Page
from ocr_celery.core.prompts import wants_blocks
from ocr_celery.core.reread_policy import next_attempt
from ocr_celery.core.text_layer import may_stand_in_for, replaces_reading
from ocr_celery.engine.contract import Engine
from ocr_celery.errors import Internal, OcrError
from ocr_celery.settings import Settings

log = logging.getLogger(__name__)


class Evaluator:
    """Decides on readings, and makes results of them. Safe to use from many threads."""

    def __init__(self, settings: Settings, engine: Engine) -> None:
        self.max_rereads = settings.max_rereads if engine.supports_reread else 0
        self._default_max_tokens = settings.options().max_tokens
        self._engine = engine

    def next_options(self, run: PageRun) -> Options | None:
        """The options of another reading; None where the page was read well, or often enough."""
        assert run.job is not None
        return next_attempt(
            run.readings,
            run.job.options,
            max_rereads=self.max_rereads,
            default_max_tokens=self._default_max_tokens,
        )

    def take_text_layer(self, run: PageRun) -> bool:
        """Make the text that the file has for a decoded page its result, where no engine is to read it. Whether that is so."""
        assert run.job is not None
        assert run.decoded is not None
        if not replaces_reading(run.decoded, run.job.file_options.text_layer):
            return False
        run.prepare_seconds = run.prepare_seconds or time.monotonic() - run.prepare_started_at
        run.result = _text_layer_result(run, run.decoded, None)
        return True

    def fall_back(self, run: PageRun) -> None:
        """Make the text that the file has for a page its result, where it may stand in for the error that is."""
        page, error = run.page or run.decoded, run.result
        if run.job is None or page is None or not isinstance(error, Exception):
            return
        known = error if isinstance(error, OcrError) else Internal()
        if not page.text_layer or run.job.file_options.text_layer == "ignore" or not may_stand_in_for(known):
            return
        log.warning("text layer used: task %s, %s", run.id, known.code, exc_info=None if known is error else error)
        run.result = _text_layer_result(run, page, known)

    def result(self, run: PageRun) -> dict[str, Any]:
        """The task's result: the best of the page's readings."""
        page = run.page or run.decoded
        assert page is not None
        result = task_results.result_dict(
            run.readings,
            page,
            engine=self._engine.name,
            model=self._engine.model,
            waited=run.waited,
            prepared=run.prepare_seconds,
            read=run.read_seconds,
        )
        if run.request.type == message.PAGE:
            result.pop("pages", None)  # its document says it
        return result


def _text_layer_result(run: PageRun, page: Page, why: OcrError | None) -> dict[str, Any]:
    """In the notation in which an engine answers the page's prompt."""
    assert run.job is not None
    text = markdown.escape(page.text_layer) if wants_blocks(run.job.options.prompt) else page.text_layer
    seconds = {"waited": run.waited, "prepared": run.prepare_seconds, "read": run.read_seconds}
    return task_results.text_layer_result(grounding.escape_tags(text), page, why=why, **seconds)
