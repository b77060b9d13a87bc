"""What a page of another web site makes a browser send changes nothing; programs, links and the own page are not held up."""

from io import BytesIO
from typing import Any

import pytest
from flask.testing import FlaskClient

from ocr_celery.client import Client
from tests.testlib.processes import RedisServer, png, waiting

CROSS_SITE = {"Sec-Fetch-Site": "cross-site"}


def test_another_site_sends_nothing(http: FlaskClient, redis: RedisServer) -> None:
    bodies: dict[str, dict[str, Any]] = {
        "/ocr": {"data": {"file": (BytesIO(png()), "a.png")}},
        "/ocr/url": {"json": {"url": "https://a.example/1.png"}},
        "/ocr/url/batch": {"json": {"urls": ["https://a.example/1.png"]}},
    }
    for path, body in bodies.items():
        answer = http.post(path, headers=CROSS_SITE, **body)
        assert (answer.status_code, answer.json["code"]) == (403, "cross_site")
    assert waiting(redis.client) == []


def test_another_site_cancels_and_deletes_nothing_and_may_link(http: FlaskClient, client: Client) -> None:
    id = client.submit_image(png())
    assert http.post(f"/ocr/{id}/cancel", headers=CROSS_SITE).status_code == 403
    assert http.delete(f"/ocr/{id}", headers=CROSS_SITE).status_code == 403
    assert http.get(f"/ocr/{id}", headers=CROSS_SITE).json["status"] == "pending"


@pytest.mark.parametrize("site", ["same-origin", "same-site", "none", None])
def test_everybody_else_is_answered(http: FlaskClient, site: str | None) -> None:
    headers = {"Sec-Fetch-Site": site} if site else {}
    assert http.post("/ocr/url", json={"url": "https://a.example/1.png"}, headers=headers).status_code == 202
