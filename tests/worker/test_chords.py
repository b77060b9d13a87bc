"""A chord's body runs with every outcome, although pages failed, and each page keeps its own truth."""

from typing import Any

import pytest
from celery import chord
from celery.result import AsyncResult

from ocr_celery import errors
from ocr_celery.core.status import Status
from tests.testlib.celery_setup import OcrSetup
from tests.testlib.image_server import Origin
from tests.testlib.processes import free_port, png, until

SETTINGS = {"OCR_BATCH_SIZE": 4, "OCR_SCRIPTED_SECONDS": 0.1, "OCR_SCRIPTED_SPREAD": 2, "OCR_SCRIPTED_FAIL": "luck"}


def outcomes(celery_setup: OcrSetup, body: AsyncResult) -> list[dict[str, Any]]:
    """What `ocr.collect` answers. (`get` on the chord's result would raise the first failure of its header.)"""
    summary = celery_setup.result(body.id).get(timeout=60)
    items = list(summary["outcomes"])
    completed = sum(item["status"] == "completed" for item in items)
    assert summary["total"] == len(items)
    assert (summary["completed"], summary["failed"]) == (completed, len(items) - completed)
    return items


def test_a_body_gets_all_20_outcomes_in_order_although_3_pages_failed(celery_setup: OcrSetup) -> None:
    bad = {3, 7, 19}
    pages = [
        celery_setup.app.signature(
            "ocr.image", [png(100 + i)], {"prompt": "bad luck" if i in bad else "fine"}, task_id=f"member-{i}"
        )
        for i in range(20)
    ]
    body = chord(pages, celery_setup.app.signature("ocr.collect"), app=celery_setup.app).apply_async()
    items = outcomes(celery_setup, body)
    assert [item.get("result", {}).get("width") for item in items] == [None if i in bad else 100 + i for i in range(20)]
    assert [(item["task_id"], item["code"], item["error"]) for item in items if item["status"] == "failed"] == [
        (f"member-{i}", "engine_failed", "The script says that this page fails.") for i in sorted(bad)
    ]
    members = [celery_setup.result(f"member-{i}") for i in range(20)]
    assert [member.status for member in members] == ["FAILURE" if i in bad else "SUCCESS" for i in range(20)]
    for i in bad:
        with pytest.raises(errors.EngineFailed, match="The script says that this page fails"):
            members[i].get(timeout=1)


def test_a_group_that_is_chained_to_the_body_is_such_a_chord_too(celery_setup: OcrSetup) -> None:
    from celery import chain, group

    pages = group(celery_setup.app.signature("ocr.image", [data]) for data in (png(120), b"no image", png(122)))
    body = chain(pages, celery_setup.app.signature("ocr.collect"), app=celery_setup.app).apply_async()
    codes = [item.get("code") for item in outcomes(celery_setup, body)]
    assert codes == [None, "not_an_image", None]


def test_a_body_of_another_kind_fails_with_its_header_as_ever_in_celery(celery_setup: OcrSetup) -> None:
    pages = [celery_setup.app.signature("ocr.image", [data]) for data in (png(), b"no image")]
    body = chord(
        pages, celery_setup.app.signature("elsewhere.sum", queue="elsewhere"), app=celery_setup.app
    ).apply_async()
    until(lambda: celery_setup.result(body.id).status == "FAILURE")
    assert not celery_setup.messages("elsewhere")


@pytest.mark.parametrize("chained", [False, True])
def test_a_body_of_another_kind_that_asks_for_it_gets_failed_pages_too(celery_setup: OcrSetup, chained: bool) -> None:
    queue = f"elsewhere-{chained}"
    body = celery_setup.app.signature("elsewhere.sum", queue=queue, headers={"accept_partial": True})
    if chained:
        body = body | celery_setup.app.signature("elsewhere.more", queue=queue)
    pages = [celery_setup.app.signature("ocr.image", [data]) for data in (png(120), b"no image")]
    chord(pages, body, app=celery_setup.app).apply_async()
    ((outcomes,), _, _) = until(lambda: celery_setup.messages(queue))[0]
    assert outcomes[0]["width"] == 120
    assert outcomes[1]["error"]["code"] == "not_an_image"


def test_a_chain_behind_the_collecting_task_runs_too(celery_setup: OcrSetup) -> None:
    body = celery_setup.app.signature("ocr.collect") | celery_setup.app.signature("elsewhere.sum", queue="behind")
    pages = [celery_setup.app.signature("ocr.image", [data]) for data in (png(120), b"no image")]
    chord(pages, body, app=celery_setup.app).apply_async()
    ((summary,), _, _) = until(lambda: celery_setup.messages("behind"))[0]
    assert (summary["total"], summary["completed"], summary["failed"]) == (2, 1, 1)


def test_a_single_page_that_is_chained_to_the_body_is_one_outcome(celery_setup: OcrSetup) -> None:
    from celery import chain

    page = celery_setup.app.signature("ocr.image", [png(120)])
    summary = chain(page, celery_setup.app.signature("ocr.collect"), app=celery_setup.app).apply_async().get(timeout=20)
    assert (summary["total"], summary["completed"], summary["failed"]) == (1, 1, 0)
    assert summary["outcomes"][0]["result"]["width"] == 120


def test_a_page_that_is_revoked_while_it_waits_still_completes_the_body(celery_setup: OcrSetup) -> None:
    for _ in range(4):  # all places are taken for 2 s
        celery_setup.send("ocr.image", png(199))
    until(lambda: celery_setup.client.stats().processing == 4, what="the engine is full")
    pages = [celery_setup.app.signature("ocr.image", [png()], task_id=f"waiting-{i}") for i in range(6)]
    body = chord(pages, celery_setup.app.signature("ocr.collect"), app=celery_setup.app).apply_async()
    celery_setup.revoke("waiting-5")
    items = outcomes(celery_setup, body)
    assert [item["status"] for item in items] == ["completed"] * 5 + ["failed"]
    assert (items[-1]["task_id"], items[-1]["code"]) == ("waiting-5", "cancelled")
    assert celery_setup.result("waiting-5").status == "REVOKED"


def test_a_batch_keeps_the_order_of_its_urls_and_counts_the_bad_ones(celery_setup: OcrSetup, origin: Origin) -> None:
    urls: list[Any] = [origin.page(100 + i) for i in range(12)]
    urls[2], urls[5] = f"{origin.url}/404", "http://10.1.2.3/page.png"
    urls[7], urls[9] = {"no": "string"}, "not a url"
    urls[11] = f"{origin.url}/once/140"  # fails at first, and is tried again
    id = celery_setup.client.submit_batch(urls, prompt="Free OCR.")
    assert celery_setup.client.look_up_batch(id).status in (Status.PENDING, Status.PROCESSING)
    batch = until(lambda: (b := celery_setup.client.look_up_batch(id)).status.final and b)
    assert [url for url, _ in batch.items] == urls
    assert batch.status is Status.COMPLETED
    assert batch.counts == {Status.COMPLETED: 8, Status.FAILED: 4}
    assert {i: task.error.code for i, (_, task) in enumerate(batch.items) if task.error} == {
        2: "source_refused",
        5: "address_refused",
        7: "bad_url",
        9: "bad_url",
    }
    assert batch.items[11][1].result["width"] == 140
    summary = celery_setup.result(id).get(timeout=60)
    assert (summary["total"], summary["completed"], summary["failed"]) == (12, 8, 4)
    until(celery_setup.is_settled)


def test_a_batch_whose_every_url_is_bad_is_failed(celery_setup: OcrSetup) -> None:
    id = celery_setup.client.submit_batch(["nowhere", f"http://127.0.0.1:{free_port()}/x", None], prompt="Free OCR.")
    until(lambda: celery_setup.client.look_up_batch(id).counts[Status.FAILED] >= 2)
    assert celery_setup.client.look_up_batch(id).status is Status.PROCESSING, "the dead address is tried again"
    for _, task in celery_setup.client.look_up_batch(id).items:
        celery_setup.revoke(task.id)
    until(lambda: celery_setup.client.look_up_batch(id).status is Status.FAILED)
