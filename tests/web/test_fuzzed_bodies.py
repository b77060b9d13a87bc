"""Whatever stands in a body, it is taken in or refused with a code: it is never a 500."""

import json
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.testlib.processes import png
from tests.testlib.worker_double import Facade

fuzzed = settings(
    deadline=None, database=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
SENT_AS_JSON = pytest.mark.parametrize("path", ["/ocr/url", "/ocr/url/batch"])
OPTIONS = ("prompt", "temperature", "max_tokens", "ngram_size", "window_size")

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["http://a/", "<image>", "\ud800"])
)
anything = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=12)
known = st.fixed_dictionaries({}, optional=dict.fromkeys(("url", "urls", *OPTIONS), anything))
PIECES = [
    b"\r\n",
    b"\r\n\r\n",
    b"--b",
    b"--b\r\n",
    b"--b--",
    b'"',
    b";",
    b":",
    b"\xff",
    b"\0",
    b'name="',
    b"filename*=utf-8''%FF",
]


@pytest.fixture
def roomy(facade: Facade) -> FlaskClient:
    """A facade whose queue is never full."""
    return facade(max_queue_size=1_000_000)


def post(http: FlaskClient, path: str, body: bytes, kind: str) -> int:
    answer = http.post(path, data=body, content_type=kind)
    if answer.status_code == 202:
        assert answer.json["status"] == "pending"
    else:
        assert answer.status_code in (400, 413, 415, 422), answer.text
        assert set(answer.json) == {"detail", "code"}
    return answer.status_code


@SENT_AS_JSON
@fuzzed
@given(given_=anything | known)
def test_any_json_is_taken_in_or_refused(roomy: FlaskClient, path: str, given_: Any) -> None:
    post(roomy, path, json.dumps(given_).encode(), "application/json")


@SENT_AS_JSON
@fuzzed
@given(body=st.binary() | st.text(alphabet='[]{}",:\\u0d8 1e-+.tfn\ufeff').map(str.encode))
def test_any_bytes_as_json_are_taken_in_or_refused(roomy: FlaskClient, path: str, body: bytes) -> None:
    post(roomy, path, body, "application/json; charset=utf-8")


@fuzzed
@given(values=st.fixed_dictionaries({}, optional=dict.fromkeys(OPTIONS, st.text())))
def test_any_text_as_an_option_of_a_form_is_taken_in_or_refused(roomy: FlaskClient, values: dict[str, str]) -> None:
    post(roomy, "/ocr", form(values), "multipart/form-data; boundary=b")


@fuzzed
@given(body=st.binary(), cuts=st.lists(st.tuples(st.floats(0, 1), st.sampled_from(PIECES)), min_size=1, max_size=4))
def test_a_damaged_form_is_taken_in_or_refused(
    roomy: FlaskClient, body: bytes, cuts: list[tuple[float, bytes]]
) -> None:
    damaged = form({"prompt": "Free OCR."}, file=png() + body)
    for share, piece in cuts:
        at = int(share * len(damaged))
        damaged = damaged[:at] + piece + damaged[at:]
    post(roomy, "/ocr", damaged, "multipart/form-data; boundary=b")


def form(values: dict[str, str], file: bytes = png()) -> bytes:
    parts = [b'Content-Disposition: form-data; name="file"; filename="page.png"\r\n\r\n' + file]
    parts += [
        f'Content-Disposition: form-data; name="{name}"\r\n\r\n{value}'.encode() for name, value in values.items()
    ]
    return b"".join(b"--b\r\n" + part + b"\r\n" for part in parts) + b"--b--\r\n"


def test_a_form_and_a_body_as_documented_are_taken_in(roomy: FlaskClient) -> None:
    assert post(roomy, "/ocr", form({"prompt": "Free OCR."}), "multipart/form-data; boundary=b") == 202
    assert post(roomy, "/ocr/url", b'{"url": "http://a/"}', "application/json") == 202
