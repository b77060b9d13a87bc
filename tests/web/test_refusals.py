"""What is not as described is refused at the door, in one shape, with nothing queued and nothing of it repeated."""

import json
import struct
import zlib
from io import BytesIO
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from ocr_celery.errors import NoFile
from tests.testlib.processes import RedisServer, keys, png
from tests.testlib.worker_double import Facade, Queued

FORM = "multipart/form-data; boundary=b"
JSON = "application/json"


def post_file(http: FlaskClient, data: bytes) -> TestResponse:
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="page.png"\r\n\r\n'
    return http.post("/ocr", data=head + data + b"\r\n--b--\r\n", content_type=FORM)


def png_header(width: int, height: int) -> bytes:
    """A PNG that says it is this large and holds nothing."""
    chunk = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))


@pytest.fixture(autouse=True)
def _nothing_is_left(redis: RedisServer, queued: Queued) -> Any:
    yield
    assert queued() == []
    assert redis.client.keys(keys.prefix + "*") == []


# -- files -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fields", [{}, {"prompt": "Free OCR."}, {"file": "a text, not a file"}], ids=["nothing", "options", "text"]
)
def test_no_file_is_400(http: FlaskClient, fields: dict[str, str]) -> None:
    answer = http.post("/ocr", data=fields, content_type="multipart/form-data")
    assert answer.status_code == 400
    assert answer.json == {"detail": NoFile().message, "code": "no_file"}


def test_no_body_at_all_is_400(http: FlaskClient) -> None:
    answer = http.post("/ocr")
    assert (answer.status_code, answer.json["code"]) == (400, "no_file")


def test_an_empty_file_is_400(http: FlaskClient) -> None:
    answer = post_file(http, b"")
    assert answer.status_code == 400
    assert answer.json == {"detail": "The file is empty.", "code": "empty_file"}


@pytest.mark.parametrize(
    "data", [b"hello", b"<svg></svg>", b"PK\3\4", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"\0" * 99]
)
def test_what_is_no_image_is_415(http: FlaskClient, data: bytes) -> None:
    answer = post_file(http, data)
    assert (answer.status_code, answer.json["code"]) == (415, "not_an_image")


def test_an_office_document_is_415_and_says_how_to_make_a_pdf_of_it(http: FlaskClient) -> None:
    answer = post_file(http, b"{\\rtf1 hello}")
    assert (answer.status_code, answer.json["code"]) == (415, "document_not_supported")
    assert "pdf" in answer.json["detail"].lower()


@pytest.mark.parametrize("beyond", [1, 100_000, 5_000_000])
def test_a_file_over_the_limit_is_413_and_says_the_limit(facade: Facade, beyond: int) -> None:
    answer = post_file(facade(max_image_size_mb=0.5), png() + bytes(512 * 1024 - len(png()) + beyond))
    assert answer.status_code == 413
    assert answer.json == {
        "detail": "The file is too large; this service accepts images up to 0.5 MB.",
        "code": "file_too_large",
    }


def test_more_pixels_than_allowed_by_the_header_is_413(facade: Facade) -> None:
    answer = post_file(facade(max_image_pixels=1_000_000), png_header(1001, 1000))
    assert (answer.status_code, answer.json["code"]) == (413, "too_many_pixels")
    assert "1001 x 1000" in answer.json["detail"]


def test_a_file_given_twice_is_refused(http: FlaskClient) -> None:
    answer = http.post("/ocr", data={"file": [(BytesIO(png()), "1.png"), (BytesIO(png()), "2.png")]})
    assert answer.status_code == 422
    assert answer.json == {"detail": "file: given more than once; a request has one page.", "code": "bad_request"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"--b",
        b"nonsense",
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\nhalf of a fi',
        b"--b\r\n\r\nno header\r\n--b--\r\n",
        b'--b\r\nContent-Disposition: attachment; name="file"\r\n\r\nx\r\n--b--\r\n',
        b'--b\r\nContent-Disposition: form-data; name="\xff"\r\n\r\nx\r\n--b--\r\n',
        b'--b junk\r\nContent-Disposition: form-data; name="file"\r\n\r\nx\r\n--b--\r\n',
    ],
)
def test_a_body_that_is_no_form_is_400(http: FlaskClient, body: bytes) -> None:
    answer = http.post("/ocr", data=body, content_type=FORM)
    assert answer.status_code == 400
    assert answer.json["code"] in ("malformed_request", "no_file")


def test_a_form_without_a_boundary_is_400(http: FlaskClient) -> None:
    answer = http.post("/ocr", data=b"--b--\r\n", content_type="multipart/form-data")
    assert (answer.status_code, answer.json["code"]) == (400, "malformed_request")


def test_a_form_with_thousands_of_fields_is_refused(http: FlaskClient) -> None:
    field = b'--b\r\nContent-Disposition: form-data; name="x"\r\n\r\n1\r\n'
    answer = http.post("/ocr", data=field * 5000 + b"--b--\r\n", content_type=FORM)
    assert (answer.status_code, answer.json["code"]) == (422, "bad_request")


def test_fields_beside_the_file_may_not_be_as_long_as_a_file(http: FlaskClient) -> None:
    answer = http.post("/ocr", data={"file": (BytesIO(png()), "x"), "prompt": "x" * 100_000})
    assert (answer.status_code, answer.json["code"]) == (413, "request_too_large")


def test_an_option_sent_as_a_file_is_refused(http: FlaskClient) -> None:
    answer = http.post("/ocr", data={"file": (BytesIO(png()), "x"), "prompt": (BytesIO(b"Free OCR."), "prompt.txt")})
    assert answer.status_code == 422
    assert answer.json == {"detail": "prompt: must be text, not a file.", "code": "bad_request"}


@pytest.mark.parametrize("kind", ["image/png", "application/octet-stream", "application/x-www-form-urlencoded", JSON])
def test_a_file_sent_other_than_as_a_form_is_415(http: FlaskClient, kind: str) -> None:
    answer = http.post("/ocr", data=png(), content_type=kind)
    assert (answer.status_code, answer.json["code"]) == (415, "unsupported_media_type")
    assert "multipart/form-data" in answer.json["detail"]


# -- JSON --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/ocr/url", "/ocr/url/batch"])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff",
        b'{"url": NaN}',
        b'{"temperature": 1e999}',
        b"[" * 3000,
        b'{"max_tokens": 1%s}' % (b"0" * 9999),
        '{"url": "http://a/"}'.encode("utf-16"),
    ],
    ids=["empty", "half", "no text", "NaN", "infinite", "deep", "long", "UTF-16"],
)
def test_a_body_that_is_no_json_is_400(http: FlaskClient, path: str, body: bytes) -> None:
    answer = http.post(path, data=body, content_type=JSON)
    assert answer.status_code == 400
    assert answer.json == {"detail": "The body is not valid JSON.", "code": "malformed_request"}


@pytest.mark.parametrize("path", ["/ocr/url", "/ocr/url/batch"])
@pytest.mark.parametrize("body", ["[]", "null", '"x"', "1", '{"urls": ' + "[" * 50 + "]" * 50 + "}", "[" * 100_000])
def test_json_of_another_form_is_422(http: FlaskClient, path: str, body: str) -> None:
    answer = http.post(path, data=body, content_type=JSON)
    assert (answer.status_code, answer.json["code"]) == (422, "bad_request")


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("/ocr/url", {}, "url: field required."),
        ("/ocr/url", {"url": ""}, "url: must not be empty."),
        ("/ocr/url", {"url": None}, "url: must be a string."),
        ("/ocr/url", {"url": 5}, "url: must be a string."),
        ("/ocr/url", {"url": ["http://a/"]}, "url: must be a string."),
        ("/ocr/url", {"url": "http://a/" + "x" * 8192}, "url: must have at most 8192 characters."),
        ("/ocr/url/batch", {}, "urls: field required."),
        ("/ocr/url/batch", {"urls": []}, "urls: must have at least one item."),
        ("/ocr/url/batch", {"urls": "http://a/"}, "urls: must be a list."),
        ("/ocr/url/batch", {"urls": {"0": "http://a/"}}, "urls: must be a list."),
    ],
)
def test_a_field_that_is_missing_or_of_another_kind_is_named(
    http: FlaskClient, path: str, body: dict[str, Any], said: str
) -> None:
    answer = http.post(path, json=body)
    assert answer.status_code == 422
    assert answer.json == {"detail": said, "code": "bad_request"}


def test_a_batch_of_more_urls_than_allowed_is_422_and_says_the_limit(facade: Facade) -> None:
    answer = facade(max_batch_urls=2).post("/ocr/url/batch", json={"urls": ["http://a/"] * 3})
    assert answer.status_code == 422
    assert answer.json == {"detail": "urls: must have at most 2 items, not 3.", "code": "bad_request"}


@pytest.mark.parametrize("field", [r"\ud800", r"\udc00x", r"a\ud83d"])
@pytest.mark.parametrize("path", ["/ocr/url", "/ocr/url/batch"])
def test_half_a_surrogate_in_a_name_or_a_text_is_422(http: FlaskClient, path: str, field: str) -> None:
    for body in (f'{{"{field}": 1}}', f'{{"url": "{field}", "x": 1}}', f'{{"{field}": {{"{field}": "{field}"}}}}'):
        answer = http.post(path, data=body, content_type=JSON)
        assert (answer.status_code, answer.json["code"]) == (422, "bad_request")


def test_the_first_unknown_fields_of_a_large_body_are_named(http: FlaskClient) -> None:
    body = "{" + ",".join(f'"{n}":1' for n in range(700_000)) + "}"
    answer = http.post("/ocr/url", data=body, content_type=JSON)
    assert (answer.status_code, answer.json["code"]) == (422, "bad_request")
    assert answer.json["detail"].startswith("Unknown fields: 0, 1, 2, 3, 4, …. Known fields: ")


@pytest.mark.parametrize(
    "body",
    [
        '{"urls": [' + '"",' * 2_000_000 + '""]}',
        '{"urls": [' + "[]," * 2_000_000 + "[]]}",
        '{"url": {' + ",".join(f'"{n}":1' for n in range(500_000)) + "}}",
    ],
    ids=["items", "lists", "fields of a field"],
)
def test_a_body_of_more_parts_than_any_request_needs_is_refused_by_counting(http: FlaskClient, body: str) -> None:
    answer = http.post("/ocr/url/batch", data=body, content_type=JSON)
    assert (answer.status_code, answer.json["code"]) == (422, "bad_request")
    assert "5000" in answer.json["detail"] or answer.json["detail"].startswith("Unknown field: url.")


@pytest.mark.parametrize("filler", [r"\"", "\\\\", "[", "x", " "])
def test_a_body_is_counted_in_one_pass_whatever_its_texts_hold(http: FlaskClient, filler: str) -> None:
    body = '{"urls": ["' + filler * (4_000_000 // len(filler))  # each text could begin at each quote
    answer = http.post("/ocr/url/batch", data=body, content_type=JSON)
    assert (answer.status_code, answer.json["code"]) == (400, "malformed_request")


def test_texts_may_hold_as_many_brackets_and_commas_as_they_like(facade: Facade) -> None:
    urls = ["http://a/?" + "[{,:}]" * 1300] * 3
    answer = facade(max_batch_urls=2).post("/ocr/url/batch", json={"urls": urls})
    assert answer.json["detail"] == "urls: must have at most 2 items, not 3."


@pytest.mark.parametrize("path", ["/ocr", "/ocr/url", "/ocr/url/batch"])
def test_an_option_behind_the_path_where_it_does_not_belong_is_named(http: FlaskClient, path: str) -> None:
    answer = http.post(f"{path}?prompt=Free%20OCR.&size=zzz", json={"url": "http://a/", "urls": ["http://a/"]})
    assert (answer.status_code, answer.json["code"]) == (422, "bad_request")
    assert answer.json["detail"] == "Unknown fields: prompt, size. Known fields: details, format, wait."


@pytest.mark.parametrize("kind", ["text/plain", "multipart/form-data", None])
def test_json_sent_as_something_else_is_415(http: FlaskClient, kind: str | None) -> None:
    answer = http.post("/ocr/url", data=b'{"url": "http://a/"}', content_type=kind)
    assert (answer.status_code, answer.json["code"]) == (415, "unsupported_media_type")
    assert "application/json" in answer.json["detail"]


def test_a_json_body_over_8_mb_is_413(http: FlaskClient) -> None:
    answer = http.post("/ocr/url/batch", data=b" " * (8 * 1024**2 + 1), content_type=JSON)
    assert (answer.status_code, answer.json["code"]) == (413, "request_too_large")


# -- one shape ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/ocr/url", {"url": "http://a/", "max_tokens": "SECRET"}),
        ("/ocr/url", {"url": ["SECRET"]}),
        ("/ocr/url", {"url": "http://a/?" + "SECRET" * 2000}),
        ("/ocr/url", {"url": "http://a/", "prompt": "SECRET" * 2000}),
        ("/ocr/url/batch", {"urls": "SECRET"}),
    ],
)
def test_a_refusal_repeats_nothing_of_what_was_sent(http: FlaskClient, path: str, body: dict[str, Any]) -> None:
    answer = http.post(path, json=body)
    assert answer.status_code == 422
    assert "SECRET" not in answer.text


def test_a_name_of_a_field_is_repeated_only_as_plain_text(http: FlaskClient) -> None:
    answer = http.post("/ocr/url", data=json.dumps({"url": "http://a/", "\x1b[31m\n": 1}), content_type=JSON)
    assert answer.json["detail"].startswith(r"Unknown field: \x1b[31m\n. Known fields: ")


@pytest.mark.parametrize(
    "url", ["page.png", "ftp://a/", "http://", "http://[", "http://a:0/", "http://a b/", "http://u:p@a/"]
)
def test_a_malformed_url_is_refused_where_it_is_sent(http: FlaskClient, queued: Queued, url: str) -> None:
    answer = http.post("/ocr/url", json={"url": url})
    assert (answer.status_code, answer.json["code"]) == (422, "bad_url")
    assert queued() == []
