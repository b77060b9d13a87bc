"""Behind a proxy, and below a path, every link leads where the caller can follow it; a stranger shifts none."""

import re
from typing import Any
from urllib.parse import urljoin

import pytest
from flask.testing import FlaskClient

from tests.testlib.worker_double import Facade

PROXY, STRANGER = "10.1.2.3", "192.0.2.7"
FORWARDED = {
    "X-Forwarded-Prefix": "/ocr-service",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "docs.example.com",
    "X-Forwarded-For": "203.0.113.9",
}


def links(http: FlaskClient, base: str = "", **asked: Any) -> dict[str, str]:
    """Where the answers of this service lead. `base`: what stands in front of the paths that are asked for."""
    sent = http.post(f"{base}/ocr/url", json={"url": "http://a/"}, **asked)
    batch = http.post(f"{base}/ocr/url/batch", json={"urls": ["http://a/"]}, **asked)
    moved = http.get(f"{base}/docs/swagger", **asked)
    assert (sent.status_code, batch.status_code, moved.status_code) == (202, 202, 308)
    return {
        "task": sent.headers["Location"].removesuffix(sent.json["task_id"]),
        "batch": batch.headers["Location"].removesuffix(batch.json["batch_task_id"]),
        "docs": moved.headers["Location"],
        "index": http.get(f"{base}/", **asked).json["docs"],
        "document": http.get(f"{base}/openapi.json", **asked).json["servers"][0]["url"],
    }


def below(path: str) -> dict[str, str]:
    paths = {"task": "/ocr/", "batch": "/ocr/batch/", "docs": "/docs", "index": "/docs"}
    return {**{name: path + rest for name, rest in paths.items()}, "document": path or "/"}


def from_(peer: str) -> dict[str, Any]:
    return {"environ_base": {"REMOTE_ADDR": peer}}


def test_without_a_proxy_links_begin_at_the_root(http: FlaskClient) -> None:
    assert links(http) == below("")


@pytest.mark.parametrize("peer", [STRANGER, "127.0.0.1", "::1", ""])
def test_headers_of_whom_nobody_named_are_ignored(facade: Facade, peer: str) -> None:
    for http in (facade(), facade(trusted_proxies="10.0.0.0/8")):
        assert links(http, headers=FORWARDED, **from_(peer)) == below("")


@pytest.mark.parametrize("peer", [PROXY, f"::ffff:{PROXY}", "fd00::7"])
def test_the_prefix_that_a_named_proxy_has_cut_off_stands_in_every_link(facade: Facade, peer: str) -> None:
    http = facade(trusted_proxies="10.0.0.0/8, fd00::/8")
    assert links(http, headers=FORWARDED, **from_(peer)) == below("/ocr-service")
    assert links(http, **from_(peer)) == below("")


@pytest.mark.parametrize(
    "prefix",
    ["//evil.example", "/a//b", "/..", "/a/../b", "https://evil.example", "/<script>", "/a b", "/a\\b", "x", "/"],
)
def test_a_prefix_that_is_no_plain_path_is_ignored(facade: Facade, prefix: str) -> None:
    http = facade(trusted_proxies=PROXY)
    assert links(http, headers={"X-Forwarded-Prefix": prefix}, **from_(PROXY)) == below("")


def test_of_several_values_that_of_the_named_proxy_counts(facade: Facade) -> None:
    http = facade(trusted_proxies=PROXY)
    headers = {"X-Forwarded-Prefix": "/evil, /good"}
    assert links(http, headers=headers, **from_(PROXY)) == below("/good")


@pytest.mark.parametrize("root", ["/ocr-service", "/a/b", "/ocr", "/docs", "/health/"])
@pytest.mark.parametrize("left", [True, False], ids=["left", "cut off"])
def test_a_root_path_stands_in_every_link_whether_the_proxy_cuts_it_off_or_not(
    facade: Facade, root: str, left: bool
) -> None:
    root_path = root.rstrip("/")
    assert links(facade(root_path=root), root_path if left else "") == below(root_path)


@pytest.mark.parametrize("address", ["/ocr-service", "/ocr-service/"])
def test_the_page_for_people_finds_its_files_with_or_without_the_slash_of_the_path(
    facade: Facade, address: str
) -> None:
    for http, sent in ((facade(root_path="/ocr-service"), address), (facade(trusted_proxies=PROXY), "/")):
        told = {"headers": {**FORWARDED, "Accept": "text/html"}, **from_(PROXY)}
        links = re.findall(r'(?:src|href)="([^"#]+)"', http.get(sent, **told).text)
        paths = {urljoin(address, link) for link in links}
        assert "/ocr-service/docs" in paths
        assert {path for path in paths if not path.startswith("/ocr-service/")} == set()
        prefix = "" if sent == address else "/ocr-service"
        assert {http.get(path.removeprefix(prefix), **told).status_code for path in paths} == {200}


def test_the_setting_counts_before_a_header_that_a_proxy_may_pass_on_from_its_caller(facade: Facade) -> None:
    http = facade(root_path="/set", trusted_proxies=PROXY)
    assert links(http, headers=FORWARDED, **from_(PROXY)) == below("/set")
    assert links(http, headers=FORWARDED, **from_(STRANGER)) == below("/set")


@pytest.mark.parametrize("name", ["SCRIPT_NAME", "PATH_INFO", "REMOTE_USER"])
def test_no_header_is_taken_for_a_variable_of_the_server(http: FlaskClient, name: str) -> None:
    assert links(http, headers={name: "/pub"}) == below("")
