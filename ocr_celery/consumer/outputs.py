"""Asks for the exports that a task's sender wanted (`outputs`), once its result is stored and its file is in its place.

Nothing of a page depends on it: what is not asked for here is made when somebody asks for the file.
"""

import logging
import time
from collections.abc import Mapping
from functools import cached_property

from redis.exceptions import RedisError

from ocr_celery.consumer.page_run import PageRun
from ocr_celery.core.document_options import DocumentOptions
from ocr_celery.core.export_request import ExportRequest
from ocr_celery.errors import NoResult, OcrError
from ocr_celery.message import ASSEMBLE, PAGE
from ocr_celery.store.exports import Exports
from ocr_celery.store.redis_errors import explain
from ocr_celery.store.registry import Registry
from ocr_celery.transport.export_messages import export_message

log = logging.getLogger(__name__)


class Outputs:
    """Safe to share between threads. `ttl`: seconds that a result is kept. Does nothing where files lie in Redis."""

    def __init__(self, registry: Registry, *, ttl: int, in_redis: bool) -> None:
        self._registry, self._ttl, self._in_redis = registry, ttl, in_redis

    @cached_property
    def _exports(self) -> Exports:
        return Exports(self._registry.redis, self._registry.keys, keep=self._ttl)

    def request(self, run: PageRun) -> None:
        """The page was read, or the document assembled: queue the exports that its sender wanted."""
        try:
            for name in self._wanted(run):
                self._request(run, ExportRequest(run.id, name))
        except NoResult:
            log.info("outputs not requested: task %s, it was cancelled, or is read again", run.id)
        except (RedisError, OcrError) as exc:
            said = explain(exc) if isinstance(exc, RedisError) else exc
            log.warning("outputs not requested: task %s, they are made when they are asked for: %s", run.id, said)
        except Exception:
            log.exception("unexpected error: outputs of task %s", run.id)

    def _wanted(self, run: PageRun) -> tuple[str, ...]:
        if run.request.type == PAGE:
            return ()
        if run.request.type == ASSEMBLE:
            wanted = self._registry.documents.outputs(run.id)
        else:
            wanted = run.job.file_options.outputs if run.job else _by_message(run)
        if wanted and self._in_redis:
            log.warning("outputs not requested: task %s, OCR_STORE is Redis, where no files are kept", run.id)
            return ()
        return wanted

    def _request(self, run: PageRun, export: ExportRequest) -> None:
        queue = self._registry.keys.of_exporters.queue
        self._exports.ask(export, export_message(run.task.app, queue, export), now=time.time())


def _by_message(run: PageRun) -> tuple[str, ...]:
    """The outputs of a task that was completed before this delivery, which is not loaded then. Raises `BadOption`."""
    _, kwargs, _ = run.request._payload
    given = kwargs.get("outputs") if isinstance(kwargs, Mapping) else None
    names: tuple[str, ...] = DocumentOptions(outputs=given or ()).outputs
    return names
