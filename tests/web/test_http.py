"""What HTTP asks of every path: its methods, one shape of errors, and nothing of the inside in any answer."""

import pytest
from flask.testing import FlaskClient

from ocr_celery.client import Client
from web.headers import SECURITY_HEADERS

ID = "550e8400-e29b-41d4-a716-446655440000"
ASKED = ["/", "/health", "/stats", "/docs", "/openapi.json"]
SENT_TO = ["/ocr", "/ocr/url", "/ocr/url/batch"]


@pytest.mark.parametrize("path", ASKED)
def test_head_answers_like_get_without_a_body(http: FlaskClient, path: str) -> None:
    head, get = http.head(path), http.get(path)
    assert head.status_code == get.status_code < 400
    assert head.content_type == get.content_type
    assert head.data == b""


def test_head_of_an_unknown_task_is_404(http: FlaskClient) -> None:
    assert http.head(f"/ocr/{ID}").status_code == 404


@pytest.mark.parametrize("path", [*ASKED, *SENT_TO, "/ready", f"/ocr/{ID}", f"/ocr/batch/{ID}"])
def test_options_names_the_methods(http: FlaskClient, path: str) -> None:
    answer = http.options(path)
    assert answer.status_code == 200
    wanted = {"OPTIONS", "POST"} if path in SENT_TO else {"OPTIONS", "GET", "HEAD"}
    wanted |= {"DELETE"} if ID in path else set()
    assert set(answer.headers["Allow"].split(", ")) == wanted


@pytest.mark.parametrize("path", SENT_TO)
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_a_method_that_a_place_to_send_to_does_not_know_is_405(http: FlaskClient, path: str, method: str) -> None:
    answer = http.open(path, method=method)
    assert answer.status_code == 405
    assert answer.json == {
        "detail": "This path does not support that method; see /docs.",
        "code": "method_not_allowed",
    }
    assert "POST" in answer.headers["Allow"].split(", ")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "BREW"])
@pytest.mark.parametrize("path", [*ASKED, "/ready", f"/ocr/{ID}", f"/ocr/batch/{ID}"])
def test_a_method_that_a_place_to_ask_at_does_not_know_is_405(http: FlaskClient, path: str, method: str) -> None:
    refuses_method(http, path, method)


@pytest.mark.parametrize("path", [*ASKED, "/ready"])
def test_what_is_no_task_cannot_be_deleted(http: FlaskClient, path: str) -> None:
    refuses_method(http, path, "DELETE")


def refuses_method(http: FlaskClient, path: str, method: str) -> None:
    answer = http.open(path, method=method)
    assert (answer.status_code, answer.json["code"]) == (405, "method_not_allowed")
    assert "GET" in answer.headers["Allow"].split(", ")


@pytest.mark.parametrize("path", ["/nowhere", "/ocr/", "/ocr/a/b", "/ocr/batch/", "/ocr/url/batch/x", "/docs/x"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_path_that_does_not_exist_is_404(http: FlaskClient, path: str, method: str) -> None:
    answer = http.open(path, method=method)
    assert answer.status_code == 404
    assert answer.json == {"detail": "There is nothing at this path; see /docs.", "code": "not_found"}


def test_a_mistake_of_ours_is_500_in_the_same_shape_and_shows_nothing_of_the_inside(
    http: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: Client) -> None:
        raise RuntimeError("hunter2")

    monkeypatch.setattr(Client, "stats", broken)
    answer = http.get("/stats")
    assert answer.status_code == 500
    assert answer.json == {
        "detail": "Something went wrong inside the service; the log has the details.",
        "code": "internal_error",
    }


@pytest.mark.parametrize("path", [*ASKED, "/nowhere", f"/ocr/{ID}", "/ready"])
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_every_answer_has_the_security_headers_once(http: FlaskClient, path: str, method: str) -> None:
    headers = http.open(path, method=method).headers
    for name, value in SECURITY_HEADERS:
        (given,) = headers.getlist(name)
        assert given == value or (name, path) == ("Content-Security-Policy", "/docs")
        assert "unsafe" not in given


@pytest.mark.parametrize("path", [*ASKED, "/nowhere", f"/ocr/{ID}", "/ready"])
def test_every_answer_has_an_id_of_its_request(http: FlaskClient, path: str) -> None:
    first, second = (http.get(path).headers["X-Request-ID"] for _ in range(2))
    assert len(first) == len(second) == 32
    assert first != second


def test_the_id_that_a_caller_gave_its_request_stays(http: FlaskClient) -> None:
    assert http.get("/", headers={"X-Request-ID": "caller-1.2_3"}).headers["X-Request-ID"] == "caller-1.2_3"


@pytest.mark.parametrize("given", ["", "x" * 65, "a b", "<b>", "ü"])
def test_an_id_that_could_forge_a_log_line_is_replaced(http: FlaskClient, given: str) -> None:
    assert http.get("/", headers={"X-Request-ID": given}).headers["X-Request-ID"] != given
