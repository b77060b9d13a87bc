"""Attack texts on pages, and their results in every text format opened in a real browser: nothing runs, nothing is fetched."""

import re
from collections.abc import Callable, Iterator

import pytest
from flask.testing import FlaskClient
from playwright.sync_api import Browser, Dialog, Error, Page, Route
from werkzeug.test import TestResponse

from ocr_celery.client import Client
from ocr_celery.core.document import PageSet
from tests.testlib.attack_texts import EVIL, attack_texts
from tests.testlib.browser_page import CHROMIUM, PATIENCE, chromium
from tests.testlib.processes import png
from tests.testlib.worker_double import WorkerDouble
from tests.web.test_result_files import end_page, get, open_document

ADDRESS = "https://ocr.test/result"
ATTACKS = attack_texts()
HTML = ("html", "html&merge_tables=true")
RENDERED = "json&render=html"
OTHERS = ("md", "md&merge_tables=true", "text", "json", "raw", "chunks", "csv")

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium on PATH")

#: uses everything that can be used: what waits for a click, a focus or a pointer runs now
USE = """() => {
    const all = [...document.querySelectorAll("*")];
    for (const element of all) {
        for (const kind of ["click", "mouseover", "pointerenter", "focus", "wheel", "scroll", "toggle", "load", "error"])
            if (kind != "click" || !/^(https?|mailto):/.test(element.href || "http:") || !element.href)
                element.dispatchEvent(new Event(kind, {bubbles: true, cancelable: true}));
    }
    return all.map(element => element.localName + [...element.attributes].map(a => " " + a.name).join(""));
}"""
OURS = re.compile(
    r"html|head|body|main|(?:meta|title|style|section|figure|figcaption|div|p)"
    r"(?: (?:charset|http-equiv|content|name|class|id|lang))*"
)
HARMLESS = re.compile(
    r"(?:h[1-6]|ul|ol|li|blockquote|pre|code|hr|br|b|i|u|s|em|strong|su[bp]|del|t(?:able|head|body|r|d|h)|m[a-z]+|none)"
    r"(?: (?:rowspan|colspan|start|display|xmlns|stretchy|fence|form|largeop|movablelimits|separator|symmetric|accent"
    r"|accentunder|displaystyle|scriptlevel|columnalign|rowlines|columnlines|notation|mathvariant|width|height|depth"
    r"|voffset|[lr]space|minsize|maxsize|linethickness))*|a(?: href| title| rel)*"
)


#: puts HTML into a page as programs do; what is read, written and read again may have become something else
PUT = """htmls => {
    for (const html of htmls) {
        const [first, second] = [0, 1].map(() => document.body.appendChild(document.createElement("div")));
        first.innerHTML = html;
        second.innerHTML = first.innerHTML;
        document.body.append(...new DOMParser().parseFromString(html, "text/html").body.childNodes);
    }
}"""


class Opened:
    """What a browser does with an answer: requests and dialogs, and the elements that it shows."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.requests: list[str] = []
        self.ran: list[str] = []
        self.errors: list[str] = []
        page.on("dialog", self._dialog)
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("console", lambda line: self.errors.append(line.text))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.context.on("page", lambda other: self.ran.append(f"opened {other.url}"))

    def open(self, body: bytes, headers: dict[str, str]) -> None:
        """Show this answer. A type that a browser does not show is downloaded."""

        def answer(route: Route) -> None:
            if route.request.url == ADDRESS:
                route.fulfill(body=body, headers=headers)
            else:
                route.abort()

        self.page.route("**/*", answer)
        try:
            self.page.goto(ADDRESS)
        except Error as error:
            if "Download is starting" not in error.message:
                raise

    def use(self) -> list[str]:
        """Use all that is shown, and return its elements with the names of their attributes."""
        found: list[str] = self.page.evaluate(USE)
        self.page.wait_for_load_state("networkidle")
        return found

    def _dialog(self, dialog: Dialog) -> None:
        self.ran.append(dialog.message)
        dialog.dismiss()

    @property
    def foreign(self) -> list[str]:
        """The requests that nobody made but the answer."""
        return [url for url in self.requests if url != ADDRESS]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def opened(browser: Browser) -> Iterator[Callable[[], Opened]]:
    """``opened()`` is a new page of the browser."""
    contexts = []

    def new() -> Opened:
        contexts.append(browser.new_context())
        page = contexts[-1].new_page()
        page.set_default_timeout(PATIENCE)
        return Opened(page)

    yield new
    for context in contexts:
        context.close()


@pytest.fixture(scope="module")
def kept() -> dict[str, TestResponse]:
    """The answers that this module has got."""
    return {}


@pytest.fixture
def answers(
    client: Client, worker: WorkerDouble, http: FlaskClient, kept: dict[str, TestResponse]
) -> dict[str, TestResponse]:
    """The result of a document each of whose pages is an attack, in every format."""
    if not kept:
        id = open_document(client, PageSet(len(ATTACKS), f"1-{len(ATTACKS)}"))
        for number, text in enumerate(ATTACKS, 1):
            end_page(worker, id, number, text)
        kept.update({query: get(http, id, f"?partial=true&format={query}") for query in (*HTML, RENDERED, *OTHERS)})
        # they are read whole here: the document does not outlive this test
        assert all(answer.data for answer in kept.values())
    assert {answer.status_code for answer in kept.values()} == {200}
    return kept


def without_policy(answer: TestResponse) -> tuple[bytes, dict[str, str]]:
    """An answer whose only defence is that nothing in it is harmful."""
    headers = {name: value for name, value in answer.headers if name != "Content-Security-Policy"}
    return re.sub(rb"<meta http-equiv=\"Content-Security-Policy\"[^>]*>", b"", answer.data), headers


def foreign_elements(elements: list[str]) -> list[str]:
    """Those that neither we write nor the list of what is harmless has."""
    return [element for element in elements if not HARMLESS.fullmatch(element) and not OURS.fullmatch(element)]


def test_there_are_enough_attacks_and_a_browser_that_is_not_protected_falls_for_them(
    opened: Callable[[], Opened],
) -> None:
    assert len(ATTACKS) >= 200
    seen = opened()
    for text in (
        "<img src=x onerror=alert(1)>",
        f"<img src={EVIL}>",
        "<script>alert(2)</script>",
        "<b onclick=alert(3)>",
    ):
        seen.open(text.encode(), {"Content-Type": "text/html"})
        seen.use()
    assert {"1", "2", "3"} <= set(seen.ran)
    assert any(url.startswith(EVIL) for url in seen.foreign)


@pytest.mark.parametrize("form", HTML)
def test_nothing_runs_in_html_with_the_policy_and_without(
    answers: dict[str, TestResponse], opened: Callable[[], Opened], form: str
) -> None:
    answer = answers[form]
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    with_policy, without = opened(), opened()
    with_policy.open(answer.data, dict(answer.headers))
    without.open(*without_policy(answer))
    elements = without.use()
    for seen in (with_policy, without):
        assert (seen.ran, seen.foreign, seen.errors) == ([], [], [])
    assert sum(element.startswith("section") for element in elements) == len(ATTACKS)
    assert foreign_elements(elements) == []


def test_nothing_runs_in_the_html_of_blocks_wherever_it_is_put(
    answers: dict[str, TestResponse], opened: Callable[[], Opened]
) -> None:
    blocks = [block["html"] for page in answers[RENDERED].json["pages"] for block in page["blocks"]]
    assert len(blocks) >= len(ATTACKS)
    seen = opened()
    seen.open(b"<!DOCTYPE html><title>x</title>", {"Content-Type": "text/html"})
    seen.page.evaluate(PUT, blocks)
    elements = seen.use()
    assert (seen.ran, seen.foreign, seen.errors) == ([], [], [])
    assert foreign_elements(elements) == []


@pytest.mark.parametrize("form", OTHERS)
def test_nothing_runs_in_the_other_formats_with_the_policy_and_without(
    answers: dict[str, TestResponse], opened: Callable[[], Opened], form: str
) -> None:
    for body, headers in ((answers[form].data, dict(answers[form].headers)), without_policy(answers[form])):
        seen = opened()
        seen.open(body, headers)
        assert (seen.ran, seen.foreign) == ([], [])


def test_the_name_of_a_file_is_no_attack(
    http: FlaskClient, client: Client, worker: WorkerDouble, opened: Callable[[], Opened]
) -> None:
    name = "</title><script>alert(1)</script><img src=x onerror=alert(2)>.png"
    id = client.submit_image(png(), name=name)
    worker.complete(id, "# x")
    seen = opened()
    seen.open(*without_policy(get(http, id, "?format=html")))
    seen.use()
    assert (seen.ran, seen.foreign, seen.errors) == ([], [], [])
    assert seen.page.title().startswith("script_")
