"""The task of exporters, `ocr.export`; no worker with an engine knows it."""

from typing import Any

from celery import Task
from celery.exceptions import Reject
from redis.exceptions import RedisError

from ocr_celery import message
from ocr_celery.celery import exporter_app
from ocr_celery.core.export_request import ExportRequest
from ocr_celery.errors import OcrError
from ocr_celery.export import exporter
from ocr_celery.export.attempt import Interrupted

app = exporter_app()


class ExportTask(Task):
    """Makes one export."""

    abstract = True
    typing = False
    throws = (OcrError,)  # no fault of the exporter's: one line, no traceback
    resultrepr_maxsize = 120


@app.task(base=ExportTask, name=message.EXPORT)
def ocr_export(task_id: Any, format: Any, options: Any = None) -> dict[str, Any]:
    """``ocr.export(task_id, format, options)``: make the file, and say which it is. Raises the `OcrError` that says why not."""
    request = ExportRequest(task_id, format, options or {})
    try:
        return exporter.current().make(request)
    except (Interrupted, RedisError) as exc:
        raise Reject(type(exc).__name__, requeue=True) from exc
