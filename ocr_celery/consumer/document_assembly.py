"""Makes the results of a document's pages its own, once all of them are final."""

import logging

from ocr_celery.consumer.page_run import PageRun
from ocr_celery.core.document import assemble, bounded_results
from ocr_celery.errors import Cancelled, NoPageRead, OcrError
from ocr_celery.store.documents import Documents

log = logging.getLogger(__name__)


def assemble_document(run: PageRun, documents: Documents) -> None:
    """Set the result of a document whose pages are all final. Raises `NoPageRead` where none could be read,
    `Cancelled` where that is why, `ResultTooLarge`, and `RedisError`.

    Where they are not, this Redis has taken the place of one that knew more: the last page queues another assembly, and the
    document's own message, which is not acknowledged in this one, opens it where it is not open.
    """
    pages = documents.pages(run.id)
    if pages is None or documents.has_open_pages(run.id):
        log.warning("assembly dropped: task %s, not all of its pages are final", run.id)
        run.is_expanded = True
        return
    results = bounded_results(documents.results(run.id, pages.numbers))
    errors = [page.result for page in results if isinstance(page.result, OcrError)]
    if len(errors) == len(results):
        raise Cancelled if documents.was_cancelled(run.id) else _no_page_read(errors)
    run.result = assemble(pages, results)


def _no_page_read(errors: list[OcrError]) -> NoPageRead:
    codes = {error.code for error in errors}
    why = f"{errors[0].message}" if len(codes) == 1 else f"Codes: {', '.join(sorted(codes))}."
    return NoPageRead(f"None of the {len(errors)} pages of the document could be read. {why}")
