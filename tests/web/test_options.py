"""An option that is not allowed is refused by its name, on every way in, and nothing is queued."""

from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.testlib.processes import png
from tests.testlib.worker_double import Queued

Send = Callable[[dict[str, Any]], TestResponse]


@pytest.fixture(params=["form", "url", "batch"])
def send(request: pytest.FixtureRequest, http: FlaskClient) -> Send:
    """Sends a page with these options."""

    def form(options: dict[str, Any]) -> TestResponse:
        fields = {name: str(value) for name, value in options.items()}
        return http.post("/ocr", data={"file": (BytesIO(png()), "page.png"), **fields})

    return {
        "form": form,
        "url": lambda options: http.post("/ocr/url", json={"url": "http://a/", **options}),
        "batch": lambda options: http.post("/ocr/url/batch", json={"urls": ["http://a/"], **options}),
    }[request.param]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("temperature", -0.1),
        ("temperature", 2.1),
        ("temperature", "hot"),
        ("temperature", "nan"),
        ("temperature", "inf"),
        ("max_tokens", 0),
        ("max_tokens", 16385),
        ("max_tokens", 1.5),
        ("max_tokens", 10**40),
        ("ngram_size", 0),
        ("ngram_size", -1),
        ("window_size", 0),
        ("window_size", "wide"),
        ("cache", "perhaps"),
        ("prompt", "<image> and <image>"),
        ("prompt", "x" * 8193),
    ],
)
def test_an_option_out_of_range_is_named(send: Send, queued: Queued, name: str, value: Any) -> None:
    answer = send({name: value})
    assert answer.status_code == 422
    assert answer.json["code"] == "bad_option"
    assert answer.json["detail"].startswith(f"{name}: ")
    assert set(answer.json) == {"detail", "code"}
    assert queued() == []


@pytest.mark.parametrize(
    "options",
    [
        {"temperature": 0},
        {"temperature": 2},
        {"max_tokens": 1},
        {"max_tokens": 16384},
        {"ngram_size": 1},
        {"window_size": 1},
        {"cache": False},
        {"prompt": "x" * 8000},
    ],
)
def test_the_ends_of_each_range_are_allowed(send: Send, options: dict[str, Any]) -> None:
    assert send(options).status_code == 202


def test_what_else_an_answer_to_a_wrong_option_says_is_what_is_wanted(send: Send) -> None:
    assert send({"max_tokens": 0}).json["detail"] == "max_tokens: must be a whole number between 1 and 16384."
    assert send({"temperature": 3}).json["detail"] == "temperature: must be a number between 0 and 2."


def test_an_unknown_field_is_named(send: Send, queued: Queued) -> None:
    answer = send({"temprature": 1, "max_tokens": 0})
    assert answer.status_code == 422
    assert answer.json["detail"].startswith("Unknown field: temprature. Known fields: ")
    assert "temperature, " in answer.json["detail"]
    assert answer.json["code"] == "bad_request"
    assert queued() == []


def test_unknown_fields_are_named_within_bounds(send: Send) -> None:
    answer = send({f"{'x' * 1000}{n}": 1 for n in range(9)})
    assert answer.status_code == 422
    assert len(answer.json["detail"]) < 360


@pytest.mark.parametrize("options", [{"max_tokens": "5"}, {"temperature": "0"}, {"max_tokens": True}, {"prompt": 1}])
def test_json_has_numbers_and_texts_and_one_is_not_the_other(http: FlaskClient, options: dict[str, Any]) -> None:
    (name,) = options
    answer = http.post("/ocr/url", json={"url": "http://a/", **options})
    assert (answer.status_code, answer.json["code"]) == (422, "bad_option")
    assert answer.json["detail"].startswith(f"{name}: ")
