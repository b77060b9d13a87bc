"""Whose result a file is: of a task with all its pages, or of the one page that was asked for."""

from collections.abc import Iterator

from ocr_celery.core.result_page import ResultPage
from ocr_celery.core.status import Status, TaskView
from ocr_celery.errors import TaskNotFound
from web.request_parsing import client
from web.results import not_found


def selected_task(task_id: str, page: int | None) -> tuple[TaskView, TaskView]:
    """The task, and the one whose result is asked for: the same, or that of a page. Raises what looking them up does."""
    try:
        whole = client().look_up_outline(task_id)
        return whole, whole if page is None else _page_task(whole, page)
    except TaskNotFound as exc:
        raise not_found(task_id, exc) from None


def selected_pages(view: TaskView, page: int | None) -> Iterator[ResultPage]:
    """The pages of the task whose result is asked for."""
    if view.document is not None:
        return client().page_results(view)
    return iter([ResultPage.alone(view.result) if page is None else ResultPage(page, view.result)])


def _page_task(whole: TaskView, page: int) -> TaskView:
    if whole.document is not None:
        return client().look_up_page(whole.id, page)
    if whole.status is Status.COMPLETED and ResultPage.alone(whole.result).number != page:
        raise TaskNotFound(f"The result has no page {page}")
    return whole
