"""What the sender of a document is shown of it: how many pages stand where, and each page."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ocr_celery.core.document import DocumentProgress, FailedPage, PageSet, failed_pages, page_id
from ocr_celery.core.page_range import parse_page_range
from ocr_celery.core.result_page import ResultPage
from ocr_celery.core.status import STATUS_BY_CELERY_STATE, Status, TaskView
from ocr_celery.store.records import Record
from ocr_celery.store.registry import Registry
from ocr_celery.task_view import expired_view, to_view


@dataclass(frozen=True, slots=True)
class PageView:
    """One page of a document."""

    number: int  #: from 1
    task: TaskView


@dataclass(frozen=True, slots=True)
class PagesView:
    """Some pages of a document, in their order."""

    document: TaskView  #: without its text
    pages: tuple[PageView, ...]
    next_after: int | None  #: the number to ask for further pages with; None where these are the last


def document_progress(registry: Registry, record: Record, view: TaskView) -> DocumentProgress | None:
    """How many pages of a document stand where; None for a task that is none, or not opened yet. Raises `RedisError`."""
    pages = record.progress.pages
    if pages is None:
        return None
    found = _stored_progress(pages, view.result)
    return found or _current_progress(registry, record.id, pages)


def _stored_progress(pages: PageSet, result: Any) -> DocumentProgress | None:
    """What the result of a document says of its pages, which are not looked at again then."""
    try:
        counts = {status: int(result["pages"][status]) for status in Status}
        return DocumentProgress(pages, counts, tuple(FailedPage(**page) for page in result["failed_pages"]))
    except (LookupError, TypeError, ValueError):
        return None


def _current_progress(registry: Registry, id: str, pages: PageSet) -> DocumentProgress:
    statuses = _page_statuses(registry, id, pages)
    failed = [number for number, status in zip(pages.numbers, statuses, strict=True) if status is Status.FAILED]
    return DocumentProgress(pages, Counter(statuses), failed_pages(registry.documents.results(id, failed)))


def result_pages(registry: Registry, id: str, pages: PageSet) -> Iterator[ResultPage]:
    """What became of each page of a document, in their order. Fetches texts as they are asked for. Raises `RedisError`."""
    numbers = pages.numbers
    statuses = zip(numbers, _page_statuses(registry, id, pages), strict=True)
    is_final = {number: status.final for number, status in statuses}
    found = registry.documents.results(id, [number for number in numbers if is_final[number]])
    for number in numbers:
        yield ResultPage(number, next(found).result if is_final[number] else None)


def _page_statuses(registry: Registry, id: str, pages: PageSet) -> list[Status]:
    states = registry.documents.states(id, pages)
    return [STATUS_BY_CELERY_STATE.get(state or "FAILURE", Status.FAILED) for state in states]


def page_views(registry: Registry, document: TaskView, *, page_range: str, after: int, limit: int) -> PagesView:
    """The pages of a document that are selected, those behind page `after`, at most `limit` of them.

    Raises `BadPageRange`, also if none is selected, and `RedisError`.
    """
    assert document.document is not None
    pages = document.document.pages
    wanted = set(parse_page_range(page_range, pages.in_file))
    numbers = [number for number in pages.numbers if number in wanted and number > after]
    part = numbers[:limit]
    return PagesView(document, _views(registry, document, part), part[-1] if len(part) < len(numbers) else None)


def _views(registry: Registry, document: TaskView, numbers: Sequence[int]) -> tuple[PageView, ...]:
    ids = [page_id(document.id, number) for number in numbers]
    records = registry.get_records(ids)
    views = (
        to_view(record) if record else expired_view(id, document.created_at)
        for id, record in zip(ids, records, strict=True)
    )
    return tuple(PageView(number, view) for number, view in zip(numbers, views, strict=True))
