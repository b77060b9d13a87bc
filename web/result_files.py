"""The call that returns a result as a file. That of a document is sent page by page, as its pages are fetched."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import chain
from typing import Any

import structlog
from flask import Response
from flask_openapi.blueprint import APIBlueprint

from ocr_celery.core.export_formats import EXPORT_FORMATS, RESULT_EXPORTS
from ocr_celery.core.file_type import FileType
from ocr_celery.core.joined_tables import joined_tables
from ocr_celery.core.result_formats import FORMATS, PagesAsJson, ResultFormat, ResultHead, ResultWriter
from ocr_celery.core.result_page import ResultPage
from ocr_celery.core.status import Status, TaskView
from ocr_celery.core.table_formats import TABLE_FORMATS, XLSX
from ocr_celery.errors import (
    BadRequest,
    BrokerUnavailable,
    FormatNotAvailable,
    NoExporter,
    NoSuchTable,
    NoTables,
    QueueFull,
    ResultExpired,
    ResultUnreadable,
    StoreUnavailable,
    TaskNotFound,
)
from ocr_celery.export.block_html import blocks_html
from ocr_celery.export.html import HTML, SECURITY_POLICY
from web import result_exports
from web.file_names import content_disposition, result_name
from web.openapi import openapi_responses
from web.problems import TaskFailed
from web.request_models import TaskPath
from web.request_parsing import validated
from web.response_models import Task
from web.result_answers import sent, without_result
from web.result_file_query import ResultFileQuery
from web.result_selection import selected_pages, selected_task
from web.result_sheets import sheet_pieces
from web.results import ID, TAGS

log = structlog.get_logger("web")
api = APIBlueprint("result_files", __name__)
_IS_PARTIAL = {"X-Ocr-Status": "partial"}
_POLICY = {"Content-Security-Policy": SECURITY_POLICY}
_FORMATS: Mapping[str, FileType] = {**FORMATS, **TABLE_FORMATS, "html": HTML}
_RENDERED_JSON = replace(FORMATS["json"], writer=lambda head: PagesAsJson(head, blocks_html))
_JOINED = ("md", "html")  #: formats of whole pages in which tables may be joined
_ERRORS = (
    *(TaskNotFound, BadRequest, BrokerUnavailable, ResultExpired, ResultUnreadable),
    *(TaskFailed, FormatNotAvailable, NoTables, NoSuchTable),
    *(NoExporter, QueueFull, StoreUnavailable),
)

_TEXT = {"schema": {"type": "string"}}
_JSON = {"schema": {"type": "object", "required": ["task_id", "status", "partial"]}}
_HEADERS = {
    "Content-Disposition": {"description": "A name to save it under.", "schema": {"type": "string"}},
    "X-Ocr-Status": {"description": "partial: pages are missing; else absent.", "schema": {"type": "string"}},
}
_FILE: dict[str, Any] = {
    "description": "The result in the format asked for.",
    "content": {
        **dict.fromkeys(("text/markdown", "text/plain", "text/html", "text/csv"), _TEXT),
        "application/json": _JSON,
        XLSX.media_type: {},
        **{EXPORT_FORMATS[name].media_type: {} for name in RESULT_EXPORTS},
    },
    "headers": _HEADERS,
}


def available_formats() -> list[str]:
    """The formats that a result may be asked for in."""
    return [*_FORMATS, *RESULT_EXPORTS]


@api.get(
    f"/ocr/{ID}/result",
    operation_id="getResult",
    tags=TAGS,
    responses=openapi_responses(_FILE, *_ERRORS, accepted=Task),
)
@validated
def get_result(path: TaskPath, query: ResultFileQuery) -> Response:
    """Get the result itself, as a file; 202 with its status while it is not ready.

    One that failed answers 409 with its own code. A format that shows the pages of the file (zip, pdf, docx) is made at the first
    request for it, or when the option `outputs` names it. Until then the answer is 202; `wait` waits for the file.
    """
    if query.format in RESULT_EXPORTS:
        return result_exports.get_export(path.task_id, query.format, page=query.page, wait=query.wait)
    chosen = _RENDERED_JSON if (query.format, query.render) == ("json", "html") else _FORMATS[query.format]
    task, view = selected_task(path.task_id, query.page)
    if view.status is not Status.COMPLETED and not (query.partial and _has_pages(view)):
        return without_result(view)
    head = ResultHead(
        task.id,
        view.status,
        is_document=view.document is not None,
        is_partial=_is_partial(view),
        title=result_name(task.source, ""),
        **query.model_dump(include={"chunk_size", "table", "merge_tables"}),
    )
    pages = selected_pages(view, query.page)
    if head.merge_tables and query.format in _JOINED:
        pages = joined_tables(pages)
    body = sent(_pieces(chosen, head, pages), task.id)
    response = Response(body if head.is_document else b"".join(body), content_type=chosen.media_type)
    suffix = chosen.suffix if view is task else f".page-{query.page}{chosen.suffix}"
    response.headers["Content-Disposition"] = content_disposition(result_name(task.source, suffix))
    response.headers.update(_IS_PARTIAL if head.is_partial else {})
    response.headers.update(_POLICY if query.format == "html" else {})
    return response


def _has_pages(view: TaskView) -> bool:
    """Whether a document that is not completed has something to show: it is still read, or pages were before it failed."""
    if view.document is None:
        return False
    return not view.status.final or view.document.counts.get(Status.COMPLETED, 0) > 0


def _is_partial(view: TaskView) -> bool:
    document = view.document
    return document is not None and document.counts.get(Status.COMPLETED, 0) < document.total


def _pieces(chosen: FileType, head: ResultHead, pages: Iterator[ResultPage]) -> Iterator[str | bytes]:
    if isinstance(chosen, ResultFormat):
        return _texts(chosen.writer(head), pages)
    return sheet_pieces(head, pages, _written)


def _texts(writer: ResultWriter, pages: Iterable[ResultPage]) -> Iterator[str]:
    return chain([writer.begin()], (_written(writer, page) for page in pages), (end() for end in [writer.end]))


def _written(writer: ResultWriter, page: ResultPage) -> str:
    """One page. A bug while writing it costs this page only."""
    try:
        return writer.add(page)
    except Exception:
        log.warning("result_unreadable", page=page.number, exc_info=True)
        return writer.add(ResultPage(page.number, ResultUnreadable()))
