"""The format `pdf`: what was read as a searchable PDF; the file's own pages or pictures, untouched, under invisible text."""

from collections.abc import Mapping
from pathlib import Path

from PIL import Image

from ocr_celery.core.result_page import ResultPage
from ocr_celery.export.contract import NO_PICTURE, ExportJob
from ocr_celery.export.pdf_process import write_in_child
from ocr_celery.export.pdf_request import PdfRequest
from ocr_celery.export.placed_text import PlacedPage
from ocr_celery.export.placement import place_text
from ocr_celery.task_results import TEXT_LAYER

_SECONDS, _SECONDS_A_PAGE = 60.0, 1.0  #: that writing the PDF may take
_TEXTS, _TARGET = "texts.jsonl", "searchable.pdf"


def write_searchable_pdf(job: ExportJob) -> Path:
    """Write it: the pages of the result, in their order. Raises the `OcrError` that says why there is none.

    A page that failed, or that has a text of its own, has no other text. An encrypted PDF becomes one without a password.
    """
    texts, pages = job.folder / _TEXTS, 0
    with texts.open("w", encoding="utf-8") as file:
        for page in job.pages():
            file.write(_placed(job, page).to_json() + "\n")
            pages += 1
    wanted = PdfRequest(
        source=job.source_path(),
        kind=job.kind,
        password=job.password,
        texts=texts,
        folder=job.folder,
        target=job.folder / _TARGET,
        max_pixels=job.max_pixels,
    )
    write_in_child(wanted, _SECONDS + pages * _SECONDS_A_PAGE, job.check)
    return wanted.target


def _placed(job: ExportJob, page: ResultPage) -> PlacedPage:
    number = page.number if job.kind != "image" else 1
    if isinstance(page.result, Mapping) and page.result.get("source") == TEXT_LAYER:  # the PDF's own text
        return PlacedPage(number, 0, 0)
    return PlacedPage(number, *page.size, place_text(page, lambda: _picture(job, number)))


def _picture(job: ExportJob, number: int) -> Image.Image:
    """The page as it is seen; blank where it cannot be shown, so that its lines are equal ones."""
    try:
        return job.picture(number)
    except NO_PICTURE:
        return Image.new("L", (1, 1), "white")
