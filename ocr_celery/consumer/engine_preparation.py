"""Has the engine prepare a decoded page, with a crash mark where the page may have killed a worker before."""

from ocr_celery.consumer.page_run import PageRun
from ocr_celery.engine.contract import Engine
from ocr_celery.store.crash_marks import CrashMarks


class EnginePreparation:
    """Makes decoded pages into what the engine takes. Safe to use from many threads."""

    def __init__(self, engine: Engine, marks: CrashMarks) -> None:
        self._engine = engine
        self._marks = marks

    def prepare(self, run: PageRun) -> None:
        """Set `run.page` and `run.prepared`. Raises the page's `OcrError`, and `RedisError`.

        A page that was delivered before is marked meanwhile; of one in quarantine the scheduler has done so.
        """
        if not run.request.delivery_info.get("redelivered") or run.quarantined:
            self._prepare(run)
            return
        self._marks.mark([run.id])
        try:
            self._prepare(run)
        finally:
            self._marks.clear([run.id])

    def _prepare(self, run: PageRun) -> None:
        assert run.decoded is not None
        assert run.options is not None
        run.prepared = self._engine.prepare(run.decoded, run.options)
        run.page, run.decoded = run.decoded, None
