"""/openapi.json says all that the service does: every error with an example, the defaults and limits that are set."""

import json
import re
from dataclasses import asdict
from typing import Any

import pytest
from flask.testing import FlaskClient

from ocr_celery.settings import Settings
from tests.testlib.worker_double import Facade

Document = dict[str, Any]
LINE, ESCAPED = "\n", r"\n"
CALLS = {
    ("post", "/ocr"): "200 202 400 403 408 413 415 422 503 507",
    ("post", "/ocr/url"): "200 202 400 403 408 413 415 422 503",
    ("post", "/ocr/url/batch"): "200 202 400 403 408 413 415 422 503",
    ("get", "/ocr/{task_id}"): "200 404 410 422 503",
    ("get", "/ocr/{task_id}/result"): "200 202 404 409 410 422 501 503",
    ("get", "/ocr/{task_id}/pages"): "200 404 409 410 422 503",
    ("get", "/ocr/{task_id}/pages/{page}"): "200 404 409 410 422 503",
    ("get", "/ocr/{task_id}/pages/{page}/image"): "200 202 404 409 410 422 501 503",
    ("get", "/ocr/batch/{batch_task_id}"): "200 404 410 422 503",
    ("get", "/ocr/{task_id}/events"): "200 204 404 410 422 503",
    ("get", "/ocr/batch/{batch_task_id}/events"): "200 204 404 410 422 503",
    ("post", "/ocr/{task_id}/cancel"): "200 403 404 410 422 503",
    ("post", "/ocr/batch/{batch_task_id}/cancel"): "200 403 404 410 422 503",
    ("delete", "/ocr/{task_id}"): "204 403 404 422 503",
    ("delete", "/ocr/batch/{batch_task_id}"): "204 403 404 410 422 503",
    ("get", "/health"): "200 503",
    ("get", "/ready"): "200 503",
    ("get", "/stats"): "200 503",
    ("get", "/"): "200",
}


@pytest.fixture
def document(http: FlaskClient) -> Document:
    found: Document = http.get("/openapi.json").json
    return found


def operations(document: Document) -> dict[tuple[str, str], Document]:
    return {(m, path): operation for path, found in document["paths"].items() for m, operation in found.items()}


def test_every_call_is_there_with_every_status_it_answers(document: Document) -> None:
    found = {call: " ".join(sorted(op["responses"])) for call, op in operations(document).items()}
    assert found == CALLS


def test_the_document_is_of_a_version_that_generators_of_clients_know(document: Document) -> None:
    assert document["openapi"] == "3.1.0"
    names = {call: operation["operationId"] for call, operation in operations(document).items()}
    assert names == {
        ("post", "/ocr"): "submitFile",
        ("post", "/ocr/url"): "submitUrl",
        ("post", "/ocr/url/batch"): "submitBatch",
        ("get", "/ocr/{task_id}"): "getTask",
        ("get", "/ocr/{task_id}/result"): "getResult",
        ("get", "/ocr/{task_id}/pages"): "getPages",
        ("get", "/ocr/{task_id}/pages/{page}"): "getPage",
        ("get", "/ocr/{task_id}/pages/{page}/image"): "getPageImage",
        ("get", "/ocr/batch/{batch_task_id}"): "getBatch",
        ("get", "/ocr/{task_id}/events"): "getTaskEvents",
        ("get", "/ocr/batch/{batch_task_id}/events"): "getBatchEvents",
        ("post", "/ocr/{task_id}/cancel"): "cancelTask",
        ("post", "/ocr/batch/{batch_task_id}/cancel"): "cancelBatch",
        ("delete", "/ocr/{task_id}"): "forgetTask",
        ("delete", "/ocr/batch/{batch_task_id}"): "forgetBatch",
        ("get", "/health"): "getHealth",
        ("get", "/ready"): "getReadiness",
        ("get", "/stats"): "getStats",
        ("get", "/"): "getIndex",
    }


def test_generated_clients_find_their_classes_under_the_same_names(document: Document) -> None:
    found = document["components"]["schemas"]
    assert {name: schema["title"] for name, schema in found.items() if "title" in schema} == {n: n for n in found}
    sent = "BatchRequest Upload UrlRequest"
    answered = (
        "Accepted Batch BatchAccepted Checks Details DocumentPages FailedPage FailedReading Figures Health Index Item LastError "
        "Limits ListedPage Page Pages Problem Ready Seconds"
    )
    assert set(found) == {*sent.split(), *answered.split(), "Status", "Task", "Verdict"}


def test_every_reference_within_the_document_leads_to_a_schema(document: Document) -> None:
    references = set(re.findall(r'"\$ref": "#/components/schemas/(\w+)"', json.dumps(document)))
    assert references <= set(document["components"]["schemas"])
    assert {"Checks", "Item"} <= references


def test_every_call_says_what_it_does(document: Document) -> None:
    for operation in operations(document).values():
        assert operation["summary"]
        assert operation["tags"]
    assert len({operation["operationId"] for operation in operations(document).values()}) == len(CALLS)


def test_every_error_has_an_example_of_each_of_its_codes(document: Document) -> None:
    for call, operation in operations(document).items():
        for status, response in operation["responses"].items():
            if status >= "400":
                content = response["content"]["application/json"]
                assert content["examples"], (call, status)
                for code, example in content["examples"].items():
                    assert example["value"]["code"] == code
                    assert example["value"]["detail"] in response["description"]


UNSUPPORTED = {"not_an_image", "document_not_supported", "unsupported_media_type"}


@pytest.mark.parametrize(
    ("call", "status", "codes"),
    [
        (("post", "/ocr"), "400", {"no_file", "empty_file", "malformed_request"}),
        (("post", "/ocr"), "408", {"request_timeout"}),
        (("post", "/ocr"), "413", {"file_too_large", "too_many_pixels", "request_too_large"}),
        (("post", "/ocr"), "415", UNSUPPORTED),
        (("post", "/ocr"), "422", {"bad_request", "bad_option", "bad_page_range"}),
        (("post", "/ocr/url/batch"), "503", {"queue_full", "broker_unavailable"}),
        (("get", "/ocr/{task_id}"), "404", {"task_not_found"}),
        (("get", "/ocr/{task_id}"), "410", {"result_expired"}),
        (("get", "/ready"), "503", {"not_ready", "broker_unavailable"}),
        (("get", "/health"), "503", {"broker_unavailable"}),
    ],
)
def test_codes_are_those_of_the_call(document: Document, call: tuple[str, str], status: str, codes: set[str]) -> None:
    response = operations(document)[call]["responses"][status]
    assert set(response["content"]["application/json"]["examples"]) == codes


def test_headers_are_there(document: Document) -> None:
    of_files = {"200": {"Content-Disposition"}, "202": {"Retry-After"}}
    for (_, path), operation in operations(document).items():
        for status, response in operation["responses"].items():
            wanted = {"X-Request-ID"} | ({"202": {"Location"}, "503": {"Retry-After"}}.get(status) or set())
            if path.endswith(("/result", "/image")):
                wanted |= of_files.get(status, set())
            if path.endswith("/result") and status == "200":
                wanted |= {"X-Ocr-Status"}
            assert set(response["headers"]) == wanted


@pytest.mark.parametrize("name", ["Upload", "UrlRequest", "BatchRequest"])
def test_the_defaults_and_limits_are_those_that_are_set(facade: Facade, name: str) -> None:
    given = {"default_prompt": "Free OCR.", "default_temperature": 0.5, "default_max_tokens": 99}
    http = facade(**given, ngram_size=8, window_size=7, max_batch_urls=17)
    schemas = http.get("/openapi.json").json["components"]["schemas"]
    wanted = asdict(Settings(**given, ngram_size=8, window_size=7).options())
    told = schemas[name]["properties"]
    if name == "Upload":  # a prompt that is filled in makes the curl line of /docs read a file
        assert told["prompt"]["description"].endswith(f"`{wanted['prompt'].replace(LINE, ESCAPED)}`")
        wanted["prompt"] = ""
        assert next(iter(told)) == "file"
    assert {option: told[option]["default"] for option in wanted} == wanted
    assert schemas["BatchRequest"]["properties"]["urls"]["maxItems"] == 17
    assert schemas[name]["additionalProperties"] is False
