"""What is sent is taken in, queued as a task, and answered at once with where to ask for it."""

from io import BytesIO
from uuid import UUID

import pytest
from flask.testing import FlaskClient

from ocr_celery.client import Client
from ocr_celery.core import prompts
from tests.testlib.processes import RedisServer, keys, png
from tests.testlib.worker_double import Queued, commands

NONE: dict[str, object] = {}  #: what is not given is as the worker has it
OPTIONS = {"prompt": prompts.FREE_OCR, "temperature": 0.5, "max_tokens": 9, "ngram_size": 8, "window_size": 7}


def test_a_file_is_queued_with_the_options_given_and_its_bytes_beside_the_message(
    http: FlaskClient, redis: RedisServer, queued: Queued
) -> None:
    answer = http.post("/ocr", data={"file": (BytesIO(png()), "page.png")})
    assert answer.status_code == 202
    id = answer.json["task_id"]
    assert answer.json == {"task_id": str(UUID(id)), "status": "pending"}
    assert answer.headers["Location"] == f"/ocr/{id}"
    assert queued() == [("ocr.image", f"blob:{id}", NONE)]
    assert redis.client.get(keys.blob(id)) == png()


def test_a_url_is_queued_as_it_was_given(http: FlaskClient, queued: Queued) -> None:
    url = "https://example.com/image.jpg?signature=s%20&x=ü#top"
    answer = http.post("/ocr/url", json={"url": url})
    assert answer.status_code == 202
    id = answer.json["task_id"]
    assert answer.json == {"task_id": str(UUID(id)), "status": "pending"}
    assert answer.headers["Location"] == f"/ocr/{id}"
    assert queued() == [("ocr.url", url, NONE)]


def test_the_urls_of_a_batch_are_queued_in_order(http: FlaskClient, queued: Queued) -> None:
    urls = [f"https://example.com/image{n}.jpg" for n in (1, 2, 3)]
    answer = http.post("/ocr/url/batch", json={"urls": urls})
    assert answer.status_code == 202
    id = answer.json["batch_task_id"]
    assert answer.json == {"batch_task_id": str(UUID(id)), "status": "pending"}
    assert answer.headers["Location"] == f"/ocr/batch/{id}"
    assert queued() == [("ocr.url", url, NONE) for url in urls]


def test_every_way_in_takes_the_same_options(http: FlaskClient, queued: Queued) -> None:
    form = {name: str(value) for name, value in OPTIONS.items()}
    assert http.post("/ocr", data={"file": (BytesIO(png()), "page.png"), **form}).status_code == 202
    assert http.post("/ocr/url", json={"url": "http://a/", **OPTIONS}).status_code == 202
    assert http.post("/ocr/url/batch", json={"urls": ["http://a/"], **OPTIONS}).status_code == 202
    assert [options for _, _, options in queued()] == [OPTIONS] * 3


def test_a_whole_number_may_be_written_with_a_point(http: FlaskClient, queued: Queued) -> None:
    body = '{"url": "http://a/", "max_tokens": 9.0, "temperature": 1.0}'
    assert http.post("/ocr/url", data=body, content_type="application/json").status_code == 202
    ((_, _, options),) = queued()
    assert (options["max_tokens"], options["temperature"]) == (9, 1)


def test_what_a_form_leaves_empty_and_json_leaves_null_is_not_given(http: FlaskClient, queued: Queued) -> None:
    http.post("/ocr", data={"file": (BytesIO(png()), "page.png"), **dict.fromkeys(OPTIONS, "")})
    http.post("/ocr/url", json={"url": "http://a/", **dict.fromkeys(OPTIONS)})
    assert [options for _, _, options in queued()] == [NONE] * 2


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        (r"<image>\nFree OCR.", "<image>\nFree OCR."),  # as a shell delivers it
        ("<image>\nFree OCR.", "<image>\nFree OCR."),
        ("Free OCR.", "<image>\nFree OCR."),
    ],
)
def test_a_prompt_is_brought_into_the_form_a_model_wants(
    http: FlaskClient, queued: Queued, given: str, meant: str
) -> None:
    assert http.post("/ocr", data={"file": (BytesIO(png()), "x"), "prompt": given}).status_code == 202
    assert http.post("/ocr/url", json={"url": "http://a/", "prompt": given}).status_code == 202
    assert [options["prompt"] for _, _, options in queued()] == [meant] * 2


@pytest.mark.parametrize("name", ["page.pdf", "image.exe", "ü 页.png", "", "../../etc/passwd"])
def test_the_name_of_a_file_decides_nothing(http: FlaskClient, name: str) -> None:
    body = b'--b\r\nContent-Disposition: form-data; name="file"; filename="%s"\r\n\r\n%s\r\n--b--\r\n'
    kind = "multipart/form-data; boundary=b"
    answer = http.post("/ocr", data=body % (name.encode(), png()), content_type=kind)
    assert answer.status_code == 202


def test_a_page_or_a_thousand_are_taken_in_by_one_round_trip_and_nobody_listens_for_them(
    http: FlaskClient, client: Client, redis: RedisServer
) -> None:
    def send() -> None:
        assert http.post("/ocr", data={"file": (BytesIO(png()), "page.png")}).status_code == 202
        assert http.post("/ocr/url", json={"url": "http://a/"}).status_code == 202
        assert http.post("/ocr/url/batch", json={"urls": ["http://a/"] * 1000}).status_code == 202

    client.submit_url("http://a/")  # Redis has learnt the script
    assert commands(client, send) == ["SET", "EVALSHA", "EVALSHA", "EVALSHA"]  # an image travels with its page
    assert redis.client.pubsub_channels() == []
