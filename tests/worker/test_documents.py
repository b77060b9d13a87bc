"""A file of several pages becomes a document: its pages are read one by one, and its result has its own id."""

import json
from typing import Any

import pytest
from celery import chord, group

from ocr_celery.core.document import page_id
from ocr_celery.core.status import Status
from ocr_celery.errors import BadOption, NoPageRead, PasswordNeeded, TooManyPages, WrongPassword
from tests.testlib.celery_setup import OcrSetup
from tests.testlib.hostile_documents import encrypted
from tests.testlib.image_server import Origin
from tests.testlib.processes import keys, png, until
from tests.testlib.several_pages import TOO_LARGE, pdf, tiff
from tests.worker.test_redelivery import held, put_back

SETTINGS = {"OCR_BATCH_SIZE": 4, "OCR_SCRIPTED_SECONDS": 0.05, "OCR_MAX_DOCUMENT_PAGES": 20}
TWELVE = list(range(101, 113))


def texts(result: dict[str, Any]) -> list[str]:
    return [result["text"][start:end] for _, start, end in result["spans"]]


def widths(result: dict[str, Any]) -> list[int]:
    """Of the pages that were read, by what the scripted engine says of each."""
    return [int(text.split()[2]) for text in texts(result)]


@pytest.mark.parametrize("task", ["ocr.image", "ocr.document"])
def test_all_pages_of_a_tiff_are_read_in_order_whatever_the_task_is_called(celery_setup: OcrSetup, task: str) -> None:
    sent = celery_setup.app.send_task(task, [tiff(TWELVE)], {"prompt": "Free OCR."})
    result = sent.get(timeout=60)
    assert widths(result) == TWELVE
    assert [number for number, *_ in result["spans"]] == list(range(1, 13))
    assert result["text"].startswith("<!-- page 1 -->\n\npage of 101 x 100, Free OCR.\n\n<!-- page 2 -->\n\n")
    assert (result["partial"], result["failed_pages"], result["verdict"]) == (False, [], "ok")
    until(celery_setup.is_settled)
    until(lambda: not celery_setup.redis.client.exists(keys.documents), what="its pages expire")
    assert not list(celery_setup.redis.client.scan_iter(keys.kept_page("*"))), "unless it is asked for"


def test_a_pdf_is_read_page_by_page_and_a_range_selects_pages(celery_setup: OcrSetup) -> None:
    sent = celery_setup.app.send_task("ocr.image", [pdf(TWELVE)], {"page_range": "2,r2-r1"})
    result = sent.get(timeout=60)
    assert result["pages"] == {
        **{"in_file": 12, "range": "2,11-12", "total": 3, "completed": 3},
        **{"failed": 0, "processing": 0, "pending": 0},
    }
    assert [number for number, *_ in result["spans"]] == [2, 11, 12]


def test_a_sender_may_choose_any_id(celery_setup: OcrSetup) -> None:
    sent = celery_setup.app.send_task("ocr.document", [tiff([101, 102])], task_id="invoices/2026_11.pdf")
    assert widths(sent.get(timeout=60)) == [101, 102]
    until(celery_setup.is_settled)


@pytest.mark.parametrize("make", [pdf, tiff])
def test_a_single_selected_page_is_read_as_an_image_is(celery_setup: OcrSetup, make: Any) -> None:
    sent = celery_setup.app.send_task("ocr.document", [make([101, 102])], {"page_range": "2"})
    result = sent.get(timeout=60)
    assert result["text"].startswith("page of ")
    assert (result["width"] > 0, result["page"]) == (True, 2)
    assert "spans" not in result
    until(celery_setup.is_settled)


def test_a_page_that_cannot_be_read_is_a_gap_and_harms_no_other(celery_setup: OcrSetup) -> None:
    result = celery_setup.send("ocr.document", tiff([101, TOO_LARGE, 103])).get(timeout=60)
    assert widths(result) == [101, 103]
    assert result["partial"]
    assert [(page["page"], page["code"]) for page in result["failed_pages"]] == [(2, "too_many_pixels")]
    assert "<!-- page 2: too_many_pixels -->" in result["text"]


def test_a_document_of_which_no_page_can_be_read_fails(celery_setup: OcrSetup) -> None:
    sent = celery_setup.send("ocr.document", tiff([TOO_LARGE, TOO_LARGE]))
    with pytest.raises(NoPageRead, match="2 pages"):
        sent.get(timeout=60)
    view = celery_setup.client.look_up(sent.id)
    assert view.status is Status.FAILED
    assert view.document is not None
    assert [page.code for page in view.document.failed] == ["too_many_pixels"] * 2


def test_a_document_with_too_many_pages_is_refused_before_any_is_queued(celery_setup: OcrSetup) -> None:
    data = tiff(list(range(101, 122)))
    with pytest.raises(TooManyPages, match="21 pages"):
        celery_setup.send("ocr.document", data).get(timeout=60)
    sent = celery_setup.app.send_task("ocr.document", [data], {"page_range": "2-21"})
    assert widths(sent.get(timeout=60)) == list(range(102, 122))


def test_a_url_that_leads_to_a_document_becomes_one(celery_setup: OcrSetup, origin: Origin) -> None:
    sent = celery_setup.send("ocr.url", f"{origin.url}/tiff/2")
    assert [number for number, *_ in sent.get(timeout=60)["spans"]] == [1, 2]


def test_a_chord_waits_for_its_documents_and_counts_each_once(celery_setup: OcrSetup) -> None:
    files = [tiff([101, 102]), png(140), tiff([TOO_LARGE, TOO_LARGE]), tiff([105, 106, 107])]
    header = [celery_setup.app.signature("ocr.image", [data]) for data in files]
    body = chord(header, celery_setup.app.signature("ocr.collect"), app=celery_setup.app).apply_async()
    summary = celery_setup.result(body.id).get(timeout=60)
    codes = [item.get("code") for item in summary["outcomes"]]
    assert codes == [None, None, "no_page_read", None]
    assert widths(summary["outcomes"][3]["result"]) == [105, 106, 107]


def test_a_group_of_documents_is_ready_with_the_last_and_links_follow_the_whole(celery_setup: OcrSetup) -> None:
    link = celery_setup.app.signature("elsewhere.after", queue="linked")
    sent = group(
        celery_setup.app.signature("ocr.document", [tiff([101, 102])]).set(link=link) for _ in range(2)
    ).apply_async()
    assert [widths(result) for result in sent.get(timeout=60)] == [[101, 102]] * 2
    until(lambda: len(celery_setup.messages("linked")) == 2)
    assert all("<!-- page 2 -->" in args[0]["text"] for args, _, _ in celery_setup.messages("linked"))


def test_a_document_that_is_delivered_again_while_it_is_read_has_its_pages_once(celery_setup: OcrSetup) -> None:
    celery_setup.redis.client.delete("ocr")
    node = celery_setup.worker.hostname()
    sent = celery_setup.app.send_task("ocr.document", [tiff(TWELVE)], queue="elsewhere")
    (message,) = celery_setup.redis.client.lrange("elsewhere", 0, -1)
    for _ in range(2):
        celery_setup.redis.client.lpush("ocr", message)
    assert widths(sent.get(timeout=60)) == TWELVE
    put_back(celery_setup, message)
    until(celery_setup.is_settled)
    log = celery_setup.worker.logs()
    assert sum("page read" in line and f'"{page_id(sent.id, 3)}"' in line for line in log.splitlines()) == 1
    assert sum("document read" in line and f'"{sent.id}"' in line for line in log.splitlines()) == 1
    assert held(celery_setup.redis, node, sent.id) is None


def test_what_is_shown_of_a_page_names_its_document_and_its_number(celery_setup: OcrSetup) -> None:
    sent = celery_setup.app.send_task("ocr.document", [tiff([101, 102])], root_id="the-root")
    sent.get(timeout=60)
    client = celery_setup.redis.client
    assert client.hget(keys.task(sent.id), "pages") is not None
    assert json.loads(client.hget(keys.task(page_id(sent.id, 2)), "page_of"))[:2] == [sent.id, 2]
    assert f"{sent.id}, page 2" in celery_setup.worker.logs()


def test_a_password_opens_a_document_and_all_its_pages_and_stands_nowhere_else(celery_setup: OcrSetup) -> None:
    secret = "correct-horse"
    data = encrypted(secret).replace(b"[3 0 R]/Count 1", b"[3 0 R 3 0 R]/Count 2")
    with pytest.raises(PasswordNeeded):
        celery_setup.send("ocr.document", data).get(timeout=60)
    with pytest.raises(BadOption, match="store_password"):
        celery_setup.app.send_task("ocr.document", [data], {"password": secret}).get(timeout=60)
    with pytest.raises(WrongPassword):
        celery_setup.result(celery_setup.client.submit_document(data, password="another")).get(timeout=60)
    client, seen = celery_setup.redis.client, []
    with client.monitor() as monitor:
        id = celery_setup.client.submit_document(data, password=secret, name="a.pdf")
        assert len(celery_setup.result(id).get(timeout=60)["spans"]) == 2
        until(lambda: not client.exists(keys.password(id)), what="the password is deleted")
        client.echo("end of test")
        while "end of test" not in (command := monitor.next_command()["command"]):
            seen.append(command)
    naming = [command for command in seen if secret in command]
    assert all(keys.password(id) in command for command in naming)
    assert secret not in celery_setup.worker.logs()
