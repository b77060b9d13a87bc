"""Who gets the page for people, and how its files are served: for ever under paths that change with them, and only as a whole."""

import gzip
import re
from urllib.parse import urljoin

import pytest
from flask.testing import FlaskClient

from ocr_celery.client import Client
from ocr_celery.core.document import PageSet
from tests.testlib.opened_document import end_document, end_page, open_document
from tests.testlib.processes import png
from tests.testlib.worker_double import Facade, WorkerDouble
from web.user_interface import static_files, static_version

CHROMIUM_ACCEPTS = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8"


def test_a_browser_gets_the_page_under_a_policy_that_allows_nothing_inline(http: FlaskClient) -> None:
    answer = http.get("/", headers={"Accept": CHROMIUM_ACCEPTS})
    assert (answer.status_code, answer.mimetype) == (200, "text/html")
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "require-trusted-types-for 'script'" in policy
    assert "unsafe" not in policy
    assert answer.headers["Cache-Control"] == "no-cache"
    assert not re.search(r"<script(?! type=\"module\" src=)|<style| style=| on\w+=", answer.text)


@pytest.mark.parametrize(
    "accept", [None, "*/*", "application/json", "application/json, text/html", "text/*;q=0.5, */*"]
)
def test_everybody_who_does_not_rather_want_html_gets_json(http: FlaskClient, accept: str | None) -> None:
    answer = http.get("/", headers={} if accept is None else {"Accept": accept})
    assert (answer.mimetype, answer.headers["Vary"]) == ("application/json", "Accept")
    assert answer.json["name"] == "ocr-celery"


def test_the_index_says_limits_and_formats(facade: Facade) -> None:
    index = facade(max_document_pages=7, task_ttl=60, max_image_size_mb=3.5).get("/").json
    limits = {name: index["limits"][name] for name in ("max_document_pages", "result_ttl", "max_image_mb")}
    assert limits == {"max_document_pages": 7, "result_ttl": 60, "max_image_mb": 3.5}
    assert index["limits"]["options"]["max_tokens"] == 8192
    assert {"md", "json", "xlsx"} <= set(index["formats"])
    assert all(facade().get(f"/ocr/x/result?format={form}").status_code == 404 for form in index["formats"])


def test_every_file_that_the_page_names_is_there_and_may_be_kept_for_ever(http: FlaskClient) -> None:
    page = http.get("/", headers={"Accept": "text/html"}).text
    named = set(re.findall(r'(?:src|href)="(static/[^"]+)"', page))
    assert {path.rpartition("/")[2] for path in named} >= {"icon.svg", "style.css", "app.js", "words.js"}
    modules = {f"static/{static_version()}/{name}" for name in static_files() if name.endswith(".js")}
    for path in named | modules:
        answer = http.get(f"/{path}")
        assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "public, max-age=31536000, immutable"), (
            path
        )
        assert answer.mimetype in ("text/javascript", "text/css", "image/svg+xml")


def test_what_the_first_view_imports_is_fetched_at_once_and_the_rest_later(http: FlaskClient) -> None:
    page = http.get("/", headers={"Accept": "text/html"}).text
    parts = page.partition("<template")
    first, later = (set(re.findall(r'"modulepreload" href="[^"]+/(\w+\.js)"', part)) for part in (parts[0], parts[2]))
    assert {"app.js", "start_view.js", "word_table.js"} <= first
    assert {"document_view.js", "safe_html.js"} <= later
    assert not first & later
    assert first | later == {name for name in static_files() if name.endswith(".js")}


def test_files_are_compressed_for_those_who_take_that(http: FlaskClient) -> None:
    path = f"/static/{static_version()}/app.js"
    for accepted, coding in (("gzip, br", "gzip"), ("gzip;q=0, identity", None), ("", None)):
        answer = http.get(path, headers={"Accept-Encoding": accepted})
        assert (answer.headers.get("Content-Encoding"), answer.headers["Vary"]) == (coding, "Accept-Encoding")
        assert (gzip.decompress(answer.data) if coding else answer.data) == static_files()["app.js"]


def test_modules_import_only_files_that_are_there(http: FlaskClient) -> None:
    for name, data in static_files().items():
        for imported in (
            re.findall(r'(?:from|import\() ?["`]\./([\w.]+)["`]', data.decode()) if name.endswith(".js") else ()
        ):
            assert imported in static_files(), (name, imported)


@pytest.mark.parametrize(
    "path",
    ["0000000000000000/app.js", "{version}/nothing.js", "{version}/index.html", "{version}/../page.py", "app.js"],
)
def test_of_another_version_or_name_there_is_nothing(http: FlaskClient, path: str) -> None:
    answer = http.get("/static/" + path.format(version=static_version()))
    assert (answer.status_code, answer.json["code"]) == (404, "not_found")


def test_all_files_together_are_small_and_those_of_the_start_smaller(http: FlaskClient) -> None:
    page = http.get("/", headers={"Accept": "text/html"}).text
    first = set(re.findall(r'(?:src|href)="static/[^"]+/([^"]+)"', page.partition("<template")[0]))
    assert sum(map(len, static_files().values())) <= 120_000
    assert sum(len(static_files()[name]) for name in first) <= 82_000


def test_below_any_path_of_a_proxy_the_page_finds_its_files(facade: Facade) -> None:
    for http, base in ((facade(root_path="/ocr"), "/ocr"), (facade(root_path="/static"), "/static"), (facade(), "")):
        page = http.get(f"{base}/", headers={"Accept": "text/html"}).text
        path = re.search(r'src="([^"]+)"', page)
        assert path
        assert http.get(urljoin(f"{base}/", path[1])).status_code == 200
    assert not any(re.search(r"""["'`]/(?:ocr|static|stats|docs)""", d.decode()) for d in static_files().values())


def test_how_things_stand_can_be_asked_for_without_the_text(
    http: FlaskClient, client: Client, worker: WorkerDouble
) -> None:
    image, document, pages = client.submit_image(png()), open_document(client, PageSet(2, "1-2")), PageSet(2, "1-2")
    worker.complete(image, "text")
    end_document(worker, document, pages, [end_page(worker, document, n, "text") for n in (1, 2)])
    for id in (image, document):
        whole, without = http.get(f"/ocr/{id}").json, http.get(f"/ocr/{id}?text=false&wait=1").json
        assert "text" in whole.pop("result")
        assert without == whole
        told, untold = (http.get(f"/ocr/{id}?details=true{more}").json for more in ("", "&text=false"))
        assert untold == {name: value for name, value in told.items() if name != "result"}
    assert http.get(f"/ocr/{image}?text=maybe").json["code"] == "bad_request"
