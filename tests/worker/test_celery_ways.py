"""Other services use Celery's own ways: tasks by name, groups, chains, links, times, and results that tell the truth."""

from base64 import b64encode
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from celery import chain, group
from celery.result import AsyncResult

from ocr_celery import errors
from ocr_celery.core.status import Status
from tests.testlib.celery_setup import OcrSetup
from tests.testlib.image_server import Origin
from tests.testlib.processes import keys, png, until

SETTINGS = {"OCR_SCRIPTED_SECONDS": 0.05, "OCR_BATCH_TIMEOUT": 0.02, "OCR_SCRIPTED_FAIL": "luck"}
ELSEWHERE = "elsewhere"  #: a queue of another celery_setup, whose messages we look at


def test_a_url_sent_by_name_is_read_with_the_defaults(celery_setup: OcrSetup, origin: Origin) -> None:
    result = celery_setup.send("ocr.url", origin.page(120)).get(timeout=60)
    assert set(result) == {
        *(
            "text",
            "finish_reason",
            "verdict",
            "readings",
            "prompt_tokens",
            "output_tokens",
            "width",
            "height",
            "engine",
            "model",
            "seconds",
        )
    }
    assert result["text"] == "page of 120 x 20, <|grounding|>Convert the document to markdown."
    assert (result["width"], result["height"], result["engine"]) == (120, 20, "scripted")
    assert set(result["seconds"]) == {"waited", "prepared", "read"}
    assert result["seconds"]["read"] >= SETTINGS["OCR_SCRIPTED_SECONDS"]


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"prompt": "Free OCR."}, "page of 100 x 20, Free OCR."),
        ({"temperature": 0.5, "prompt": "x"}, "page of 100 x 20, x"),
        ({"max_tokens": 2}, "page of"),
        ({"ngram_size": 5, "window_size": 7, "prompt": "y"}, "page of 100 x 20, y"),
        (
            {"prompt": "a\\nb", "temperature": 2, "max_tokens": 6, "ngram_size": 1, "window_size": 1},
            "page of 100 x 20, a",
        ),
        ({"prompt": None, "max_tokens": 1}, "page"),
    ],
)
def test_any_of_the_options_may_be_given(celery_setup: OcrSetup, options: dict[str, Any], text: str) -> None:
    assert celery_setup.send("ocr.image", png(), kwargs=options).get(timeout=60)["text"] == text


def test_the_source_may_be_a_keyword(celery_setup: OcrSetup, origin: Origin) -> None:
    assert celery_setup.send("ocr.url", kwargs={"url": origin.page(130)}).get(timeout=60)["width"] == 130
    assert celery_setup.send("ocr.image", kwargs={"image": png(131)}).get(timeout=60)["width"] == 131


def test_an_image_travels_as_bytes_or_as_a_reference_that_may_be_used_again(celery_setup: OcrSetup) -> None:
    assert celery_setup.send("ocr.image", png(140)).get(timeout=60)["width"] == 140
    reference = celery_setup.client.store_image(png(141))
    assert [celery_setup.send("ocr.image", reference).get(timeout=60)["width"] for _ in range(2)] == [141, 141]


def test_a_group_answers_in_order(celery_setup: OcrSetup, origin: Origin) -> None:
    pages = group(celery_setup.app.signature("ocr.url", [origin.page(150 + i)]) for i in range(6))
    assert [page["width"] for page in pages.apply_async().get(timeout=60)] == [150 + i for i in range(6)]


def test_a_chain_goes_on_with_the_result(celery_setup: OcrSetup) -> None:
    later = celery_setup.app.signature("elsewhere.store", ["scan 7"], queue=ELSEWHERE)
    sent = chain(celery_setup.app.signature("ocr.image", [png(160)]), later, app=celery_setup.app).apply_async()
    assert sent.parent.get(timeout=60)["width"] == 160
    (args, _, _), *_ = until(lambda: celery_setup.messages(ELSEWHERE))
    assert (args[0]["width"], args[1]) == (160, "scan 7")
    celery_setup.redis.client.delete(ELSEWHERE)


def test_a_link_gets_the_result_and_a_link_error_the_id(celery_setup: OcrSetup) -> None:
    link = celery_setup.app.signature("elsewhere.ok", queue=ELSEWHERE)
    link_error = celery_setup.app.signature("elsewhere.sorry", queue=ELSEWHERE)
    good = celery_setup.send("ocr.image", png(161), link=link, link_error=link_error)
    assert good.get(timeout=60)["width"] == 161
    assert [args[0]["width"] for args, _, _ in until(lambda: celery_setup.messages(ELSEWHERE))] == [161]
    celery_setup.redis.client.delete(ELSEWHERE)
    bad = celery_setup.send("ocr.image", b"no image", link=link, link_error=link_error)
    until(bad.ready)
    assert [args for args, _, _ in until(lambda: celery_setup.messages(ELSEWHERE))] == [[bad.id]]
    celery_setup.redis.client.delete(ELSEWHERE)


def test_a_countdown_is_scheduled_and_read_when_it_is_time(celery_setup: OcrSetup) -> None:
    sent = celery_setup.send("ocr.image", png(), countdown=1.5)
    scheduled = until(lambda: celery_setup.inspect().scheduled()[celery_setup.worker.hostname()])
    assert [entry["request"]["id"] for entry in scheduled] == [sent.id]
    assert sent.status == "PENDING"
    assert sent.get(timeout=60)["width"] == 100


def test_a_task_shown_under_another_name_is_read_all_the_same(celery_setup: OcrSetup) -> None:
    assert celery_setup.send("ocr.image", png(), shadow="scan of today").get(timeout=60)["width"] == 100


def test_an_eta_in_the_past_is_read_at_once(celery_setup: OcrSetup) -> None:
    assert (
        celery_setup.send("ocr.image", png(), eta=datetime.now(UTC) - timedelta(hours=1)).get(timeout=60)["width"]
        == 100
    )


def test_an_expired_page_is_revoked_and_never_read(celery_setup: OcrSetup) -> None:
    sent = celery_setup.send("ocr.image", png(), countdown=0.6, expires=0.3)
    until(sent.ready)
    assert sent.status == "REVOKED"
    view = celery_setup.client.look_up(sent.id)
    assert view.status is Status.FAILED
    assert view.error is not None
    assert view.error.code == "cancelled"
    assert f'"{sent.id}"' not in celery_setup.worker.logs(), "it has a line of a page that was read"


def test_a_result_that_nobody_wants_is_not_stored_and_frees_its_place(celery_setup: OcrSetup) -> None:
    good = celery_setup.send("ocr.image", png(), ignore_result=True)
    bad = celery_setup.send("ocr.image", b"no image", ignore_result=True)
    off = celery_setup.send("ocr.image", png(), ignore_result=True, countdown=0.4, expires=0.1)
    until(lambda: all(celery_setup.redis.client.ttl(keys.task(sent.id)) > 0 for sent in (good, bad, off)))
    assert celery_setup.open_tasks() == 0
    assert not any(celery_setup.stored(sent.id) for sent in (good, bad, off))
    until(celery_setup.is_settled)


def test_a_page_that_nobody_wants_the_result_of_waits_between_its_tries(celery_setup: OcrSetup, origin: Origin) -> None:
    sent = celery_setup.send("ocr.url", f"{origin.url}/unwanted/503", ignore_result=True)
    until(lambda: celery_setup.redis.client.hget(keys.task(sent.id), "state") == b"RETRY")
    until(lambda: celery_setup.inspect().scheduled()[celery_setup.worker.hostname()])
    assert origin.asked["/unwanted/503"] <= 2
    celery_setup.revoke(sent.id)
    until(celery_setup.is_settled)


WRONG = [
    ((), {}, "ocr.image takes one argument"),
    ((1, 2), {}, "ocr.image takes one argument"),
    ((b"x",), {"image": b"x"}, "ocr.image takes one argument"),
    ((7,), {}, "image: must be raw bytes or a reference"),
    (("http://x.example/",), {}, "image: must be raw bytes or a reference"),
    ((b"x",), {"promt": "?"}, "promt: no such option"),
    ((b"x",), {"temperature": 3}, "temperature: must be a number between 0 and 2"),
    ((b"x",), {"temperature": "0.5"}, "temperature: must be a number"),
    ((b"x",), {"max_tokens": 0}, "max_tokens: must be a whole number between 1 and 16384"),
    ((b"x",), {"max_tokens": 1.5}, "max_tokens: must be a whole number"),
    ((b"x",), {"prompt": "<image><image>"}, "prompt: <image> may occur only once"),
    ((b"x",), {"prompt": ["x"]}, "prompt: must be a string"),
]


@pytest.mark.parametrize(("args", "kwargs", "message"), WRONG, ids=[str(i) for i in range(len(WRONG))])
def test_wrong_arguments_fail_with_a_code(
    celery_setup: OcrSetup, args: tuple[object, ...], kwargs: dict[str, object], message: str
) -> None:
    sent = celery_setup.send("ocr.image", *args, kwargs=kwargs)
    with pytest.raises(errors.BadOption) as caught:
        sent.get(timeout=60)
    assert caught.value.code == "bad_option"
    assert caught.value.message.startswith(message)
    assert sent.status == "FAILURE"


@pytest.mark.parametrize(
    ("task", "source", "options", "error"),
    [
        ("ocr.image", b"no image at all", {}, errors.NotAnImage),
        ("ocr.image", b"", {}, errors.EmptyFile),
        ("ocr.image", png()[:40], {}, errors.Unreadable),
        ("ocr.image", "blob:gone", {}, errors.ImageExpired),
        ("ocr.image", png(), {"prompt": "bad luck"}, errors.EngineFailed),
        ("ocr.url", 7, {}, errors.BadUrl),
        ("ocr.url", "ftp://x.example/", {}, errors.BadUrl),
        ("ocr.url", "http://10.0.0.1/page.png", {}, errors.AddressRefused),
    ],
)
def test_a_failure_is_an_error_of_ours_kept_as_json(
    celery_setup: OcrSetup, task: str, source: object, options: dict[str, object], error: type[errors.OcrError]
) -> None:
    sent = celery_setup.send(task, source, kwargs=options)
    with pytest.raises(errors.OcrError) as caught:
        sent.get(timeout=60)
    assert type(caught.value) is error
    assert (caught.value.code, sent.status) == (error.code, "FAILURE")
    assert celery_setup.stored(sent.id)["result"] == {
        "exc_type": error.__name__,
        "exc_message": [caught.value.message],
        "exc_module": "ocr_celery.errors",
    }


def test_a_record_in_redis_holds_neither_the_image_nor_other_arguments(celery_setup: OcrSetup) -> None:
    image = png(170)
    sent = celery_setup.send("ocr.image", image, kwargs={"prompt": "top secret", "max_tokens": 1})
    sent.get(timeout=60)
    text = celery_setup.redis.client.get(keys.meta(sent.id))
    assert b64encode(image)[:40] not in text
    assert b"secret" not in text


def test_a_service_with_an_application_of_its_own_needs_only_names(celery_setup: OcrSetup) -> None:
    from celery import Celery

    other = Celery("other", broker=celery_setup.redis.url, backend=celery_setup.redis.url, set_as_current=False)
    other.conf.task_routes = {"ocr.*": {"queue": "ocr"}}
    sent = other.send_task("ocr.image", [png(180)])
    assert sent.get(timeout=60)["width"] == 180
    failed: AsyncResult = other.send_task("ocr.image", [b"no image"])
    with pytest.raises(errors.NotAnImage):
        failed.get(timeout=60)
    other.close()
