"""Logs one line for each page and document: what became of it, and how long each step took."""

import logging
from typing import Any

import structlog

from ocr_celery import message
from ocr_celery.consumer.page_events import PageDone
from ocr_celery.consumer.page_run import PageRun
from ocr_celery.errors import OcrError

log = structlog.stdlib.get_logger("ocr_celery.pages")


def log_page(event: PageDone) -> None:
    """Log it. An error of the service itself has level ERROR, one about the page WARNING."""
    fields, result = _fields(event.run), event.result
    if event.run.request.type == message.ASSEMBLE and not isinstance(result, OcrError):
        pages = {name: result["pages"][name] for name in ("total", "failed")}
        kept = {name: fields[name] for name in ("task_id", "task", "source", "request_id") if name in fields}
        log.info("document read", **kept, pages=pages, verdict=result["verdict"], characters=len(result["text"]))
        return
    if not isinstance(result, OcrError):
        told: dict[str, Any] = {
            name: result[name] for name in ("verdict", "readings", "cached", "fonts_missing") if name in result
        }
        if result.get("source"):
            told["text_from"] = result["source"]
        log.info("page read", **fields, **told, characters=len(result["text"]))
        return
    fields |= {"code": result.code, "why": result.message}
    if event.is_retried or event.tries > 1:
        fields["tried"] = event.tries
    if event.is_retried:
        log.info("page will be tried again", **fields)
    else:
        log.log(logging.ERROR if result.http_status == 500 else logging.WARNING, "page failed", **fields)


def _fields(run: PageRun) -> dict[str, Any]:
    request = run.request
    args, kwargs, _ = request._payload
    fields: dict[str, Any] = {
        "task_id": run.id,
        "task": request.type,
        "source": message.redacted_source(request.type, args, kwargs, request.request_dict.get("file_name")),
        "waited": round(run.waited, 3),
        "prepared": round(run.prepare_seconds, 3),
        "read": round(run.read_seconds, 3),
        "batch": run.batch,
    }
    if request_id := request.request_dict.get("request_id"):
        fields["request_id"] = str(request_id)[:64]
    return fields
