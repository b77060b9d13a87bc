"""A document as a worker opens it, and what becomes of its pages, without a worker."""

import json
from typing import Any

from ocr_celery.client import Client
from ocr_celery.core.document import PageResult, PageSet, assemble, page_id
from ocr_celery.errors import OcrError
from tests.testlib.processes import keys
from tests.testlib.several_pages import pdf
from tests.testlib.worker_double import FOUND, WorkerDouble


def open_document(client: Client, pages: PageSet, name: str = "a.pdf") -> str:
    """Send a document and open it; its pages wait."""
    id = client.submit_document(pdf([100, 101]), name=name)
    client._registry.transition(id, "RECEIVED", now=5.0)
    client.redis.delete(keys.queue)
    about = {"assembly": "{}", "kind": "pdf", "file": f"blob:{id}", "source": name, "options": "{}"}
    known: dict[str, Any] = {"now": 6.0, "queue": keys.queue, "about": about, "meta": json.dumps({"status": "STARTED"})}
    client._registry.documents.expand(
        id, pages, [str(n) for n in pages.numbers], meta_keep=100, file_in_redis=True, **known
    )
    return id


def end_page(worker: WorkerDouble, document: str, number: int, result: str | OcrError, **found: Any) -> PageResult:
    """Read a page of an opened document, or let it fail."""
    id = page_id(document, number)
    if isinstance(result, OcrError):
        worker.store(id, result, "FAILURE", task="ocr.page")
        return PageResult(number, result)
    read = {"text": result, **FOUND, **found}
    worker.store(id, read, "SUCCESS", task="ocr.page")
    return PageResult(number, read)


def end_document(worker: WorkerDouble, document: str, pages: PageSet, results: list[PageResult]) -> None:
    """Put the results of its pages together, as the last one to be read does."""
    worker.store(document, assemble(pages, results), "SUCCESS", task="ocr.assemble")
