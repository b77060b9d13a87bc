"""What becomes of a reading: another reading with stricter options, or the page's result."""

from typing import Any

from ocr_celery import message
from ocr_celery.consumer.page_run import PageRun
from ocr_celery.core.options import Options
from ocr_celery.core.page import Page
from ocr_celery.core.reread_policy import next_attempt
from ocr_celery.engine.contract import Engine
from ocr_celery.errors import OcrError
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

    def text_layer_instead(self, run: PageRun) -> dict[str, Any] | None:
        """The result of a decoded page that is not read, as the text of its file is to be used; None where it is to be read."""
        assert run.job is not None
        assert run.decoded is not None
        page, use = run.decoded, run.job.file_options.text_layer
        if not page.text_layer or use == "ignore":
            return None
        # without its fonts the image shows less than the text layer says
        wanted = page.fonts_missing or (use == "prefer" and page.text_plausible)
        return self._text_layer(run, page, None) if wanted else None

    def text_layer_of_failed(self, run: PageRun) -> dict[str, Any] | None:
        """The result of a page whose reading failed and whose file has a text for it; else None."""
        page, error = run.page or run.decoded, run.result
        if run.job is None or page is None or not page.text_layer or not isinstance(error, OcrError):
            return None
        return None if run.job.file_options.text_layer == "ignore" else self._text_layer(run, page, error)

    @staticmethod
    def _text_layer(run: PageRun, page: Page, why: OcrError | None) -> dict[str, Any]:
        return message.text_layer_result(page, waited=run.waited, prepared=run.prepare_seconds, why=why)

    def result(self, run: PageRun) -> dict[str, Any]:
        """The task's result: the best of the page's readings."""
        assert run.page is not None
        result = message.result_dict(
            run.readings,
            run.page,
            engine=self._engine.name,
            model=self._engine.model,
            waited=run.waited,
            prepared=run.prepare_seconds,
            read=run.read_seconds,
        )
        if run.request.type == message.PAGE:
            result.pop("pages", None)  # its document says it
        return result
