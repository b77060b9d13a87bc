"""The text that a PDF itself has for a page, in place of a page that cannot be read, or of all that need not be."""

import pypdfium2
import pytest

from ocr_celery.core.document import page_id
from ocr_celery.decode.text_layer import read_text_layer
from ocr_celery.errors import EngineFailed
from tests.testlib.celery_setup import OcrSetup
from tests.testlib.processes import until
from tests.testlib.text_pdf import chinese, latin, text_pdf

SETTINGS = {"OCR_BATCH_SIZE": 4, "OCR_SCRIPTED_SECONDS": 0.05, "OCR_SCRIPTED_FAIL": "luck"}
ONE, TWO = "The text of the first page.", "The second page has a text, too."
SCAN = "0 0 m 300 300 l S"
UNLUCKY = {"prompt": "No luck at all."}


def test_it_stands_in_for_a_page_that_the_engine_cannot_read_and_says_so(celery_setup: OcrSetup) -> None:
    result = celery_setup.app.send_task("ocr.document", [text_pdf(latin(ONE))], UNLUCKY).get(timeout=60)
    assert (result["text"], result["source"], result["readings"]) == (ONE, "text_layer", 0)
    assert result["failed_reading"]["code"] == "engine_failed"
    until(celery_setup.is_settled)


def test_it_is_not_taken_where_its_sender_says_so(celery_setup: OcrSetup) -> None:
    options = {**UNLUCKY, "text_layer": "ignore"}
    sent = celery_setup.app.send_task("ocr.document", [text_pdf(latin(ONE))], options)
    assert isinstance(sent.get(timeout=60, propagate=False), EngineFailed)


def test_where_it_is_preferred_only_pages_without_it_are_read(celery_setup: OcrSetup) -> None:
    file = text_pdf(latin(ONE), SCAN, latin(TWO))
    sent = celery_setup.app.send_task("ocr.document", [file], {"prompt": "Free OCR.", "text_layer": "prefer"})
    result = sent.get(timeout=60)
    texts = [result["text"][start:end] for _, start, end in result["spans"]]
    assert (texts[0], texts[1][:8], texts[2]) == (ONE, "page of ", TWO)
    assert (result["text_layer_pages"], result["readings"], result["partial"]) == ([1, 3], 1, False)
    page = celery_setup.app.AsyncResult(page_id(sent.id, 3)).get(timeout=60)
    assert (page["source"], page["engine"]) == ("text_layer", "")


def test_a_document_of_which_the_engine_reads_no_page_is_complete_by_its_own_text(celery_setup: OcrSetup) -> None:
    result = celery_setup.app.send_task("ocr.document", [text_pdf(latin(ONE), SCAN)], UNLUCKY).get(timeout=60)
    assert result["text"] == f"<!-- page 1 -->\n\n{ONE}\n\n<!-- page 2: engine_failed -->"
    assert (result["text_layer_pages"], result["partial"]) == ([1], True)


def test_a_page_that_is_blank_for_want_of_fonts_is_no_empty_page(celery_setup: OcrSetup) -> None:
    file = text_pdf(chinese("中华人民共和国国家标准"))
    with pypdfium2.PdfDocument(file) as document:
        page = document[0]
        if not read_text_layer(page, page.render(scale=2).to_pil().convert("RGB")).fonts_missing:
            pytest.skip("this machine has Chinese fonts; tests/decode/test_text_layer.py hides them")
    result = celery_setup.app.send_task("ocr.document", [file], {"prompt": "Free OCR."}).get(timeout=60)
    assert (result["text"], result["source"], result["fonts_missing"]) == ("中华人民共和国国家标准", "text_layer", True)
