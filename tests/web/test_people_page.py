"""The page for people in a real browser: handing files over, watching them be read, reading them beside their pictures."""

import base64
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, Locator, Page, Route, expect

from ocr_celery.client import Client
from ocr_celery.core.document import PageResult, PageSet
from ocr_celery.errors import EmptyFile, PageDeadline
from ocr_celery.settings import Settings
from tests.testlib.browser_page import CHROMIUM, PATIENCE, RunLines, WatchedPage, chromium, wants_coverage
from tests.testlib.facade_process import Served, served
from tests.testlib.opened_document import end_document, end_page, open_document
from tests.testlib.processes import RedisServer, png, until, waiting
from tests.testlib.report_page import SIZE, report_page
from tests.testlib.several_pages import pdf
from tests.testlib.worker_double import WorkerDouble

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium on PATH")

expect.set_options(timeout=PATIENCE)
FOUND: dict[str, Any] = {"width": SIZE[0], "height": SIZE[1]}
PNG = {"name": "report.png", "mimeType": "image/png"}
WIDE, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}

Open = Callable[..., Page]


@pytest.fixture(scope="module")
def server(redis_server: RedisServer) -> Iterator[Served]:
    with served(redis_server.url) as server:
        yield server


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium("--host-resolver-rules=MAP ocr.test 127.0.0.1") as browser:
        yield browser


@pytest.fixture(scope="module")
def lines() -> Iterator[RunLines | None]:
    """The lines of the page's scripts that these tests run; shown at the end where PAGE_COVERAGE is set."""
    found = RunLines() if wants_coverage() else None
    yield found
    if found:
        total, never, where = found.summary()
        print(f"\n{never} of {total} lines of the page were never run: {json.dumps(where)}")
        assert never <= total * 0.05


@pytest.fixture
def open_page(browser: Browser, server: Served, redis: RedisServer, lines: RunLines | None) -> Iterator[Open]:
    """``open_page("#/", …)`` is the page at an address, in a browser of its own with these properties."""
    opened: list[WatchedPage] = []

    def open_(address: str = "#/", *, base: str = "", allows: str = "", **properties: Any) -> Page:
        rights = [] if base else ["clipboard-read", "clipboard-write"]
        usual = {"viewport": WIDE, "locale": "en-GB", "reduced_motion": "reduce", "permissions": rights}
        watched = WatchedPage(browser.new_context(**{**usual, **properties}), lines, allows=allows)
        opened.append(watched)
        watched.page.goto(f"{base or server.url}/{address}")
        return watched.page

    yield open_
    for watched in opened:
        watched.end()


@pytest.fixture
def client(redis: RedisServer) -> Iterator[Client]:
    client = Client(Settings(redis_url=redis.url, batch_size=1), service=True)
    yield client
    client.redis.close()


@pytest.fixture
def image(client: Client, worker: WorkerDouble) -> str:
    """An image that was read."""
    data, text = report_page()
    id = client.submit_image(data, name="pier.png")
    worker.complete(id, text, **FOUND)
    return id


@pytest.fixture
def document(client: Client, worker: WorkerDouble) -> str:
    """A document that was read: its second page failed, its third is doubtful."""
    pages = PageSet(4, "1-4")
    id = open_document(client, pages, "piers.pdf")
    end_document(worker, id, pages, read_pages(worker, id))
    return id


def read_pages(worker: WorkerDouble, id: str) -> list[PageResult]:
    verdicts = {3: "repeating"}
    done = [end_page(worker, id, n, report_page(n)[1], verdict=verdicts.get(n, "ok"), **FOUND) for n in (1, 3, 4)]
    return [done[0], end_page(worker, id, 2, PageDeadline()), *done[1:]]


def choose(page: Page, *files: Any) -> None:
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose files").click()
    chooser.value.set_files([{**PNG, **file} for file in files])


def drop(page: Page, *paths: str) -> None:
    """Drop files and folders of this machine, as from a file manager."""
    session = page.context.new_cdp_session(page)
    data = {"items": [], "files": list(paths), "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        session.send("Input.dispatchDragEvent", {"type": kind, "x": 400, "y": 300, "data": data})


def sent(redis: RedisServer, count: int = 1) -> list[tuple[str, dict[str, Any]]]:
    """The ids of what waits for a worker, and the options, once there are as many."""
    until(lambda: len(waiting(redis.client)) == count, what=f"{count} wait")
    messages = [json.loads(text) for text in waiting(redis.client)]
    return [(m["headers"]["id"], json.loads(base64.b64decode(m["body"]))[1]) for m in messages]


def hold(page: Page, pattern: str, times: int | None = None) -> list[Route]:
    """The requests for such addresses, which nobody answers; the first `times` of them."""
    held: list[Route] = []

    def keep(route: Route) -> None:
        held.append(route)

    page.route(re.compile(pattern), keep, times=times)
    return held


def block(page: Page, number: int) -> Locator:
    return page.locator(f'.block[data-block="{number}"]')


def box(page: Page, number: int) -> Locator:
    return page.locator(f'.box[data-block="{number}"]')


def lit(at: Locator) -> None:
    expect(at).to_have_class(re.compile(r"\blit\b"))


# -- handing over --------------------------------------------------------------------------------------------------------


def test_a_chosen_file_opens_at_once_and_shows_its_text_when_it_is_read(
    open_page: Open, redis: RedisServer, worker: WorkerDouble
) -> None:
    page = open_page()
    data, text = report_page()
    choose(page, {"buffer": data})
    expect(page.get_by_text("This page waits for its turn.")).to_be_visible()
    ((id, options),) = sent(redis)
    assert options["prompt"].endswith("Convert the document to markdown.")
    worker.start(id)
    expect(page.get_by_text("This page is being read.")).to_be_visible()
    worker.complete(id, text, **FOUND)
    expect(block(page, 0)).to_have_text("1 Levels at the east pier")
    assert page.locator(".sheet img").evaluate("image => image.decode().then(() => image.naturalWidth)") == SIZE[0]
    expect(page.locator(".cut-out")).to_have_count(1)  # the figure, out of the picture that was sent
    page.get_by_role("link", name="All documents").click()
    expect(page.locator(".recent li")).to_contain_text(["report.png"])
    expect(page.locator(".recent .state")).to_have_text("read")


def test_files_dropped_anywhere_are_sent_and_a_refused_one_stays_beside_the_good_ones(
    open_page: Open, redis: RedisServer
) -> None:
    page = open_page()
    dropped = page.evaluate_handle(
        """([good, bad]) => { const files = new DataTransfer();
        files.items.add(new File([Uint8Array.from(atob(good), (c) => c.charCodeAt(0))], "good.png", { type: "image/png" }));
        files.items.add(new File([bad], "letter.txt", { type: "text/plain" })); return files; }""",
        [base64.b64encode(png()).decode(), "no picture"],
    )
    for kind in ("dragenter", "dragover", "drop"):
        page.dispatch_event("h1", kind, {"dataTransfer": dropped})
    expect(page.locator(".recent .name")).to_have_text("good.png")
    refused = page.locator(".sending li")
    expect(refused).to_contain_text("letter.txt")
    expect(refused).to_contain_text("neither a PDF nor an image")
    page.get_by_role("button", name="Remove letter.txt").click()
    expect(page.locator(".sending")).to_be_hidden()
    assert len(sent(redis)) == 1


def test_of_a_folder_what_cannot_be_read_is_left_out_and_said(open_page: Open, redis: RedisServer) -> None:
    page = open_page()
    dropped = page.evaluate_handle(
        """(data) => { const files = new DataTransfer(); files.items.add(new File([], "scans"));
        const good = new File([Uint8Array.from(atob(data), (c) => c.charCodeAt(0))], "good.png", { type: "image/png" });
        const inside = [
          { isFile: true, name: "locked.png", file: (give, fail) => fail(new DOMException("locked", "NotReadableError")) },
          { isDirectory: true, name: "locked", createReader: () => ({ readEntries: (give, fail) => fail(new Error("locked")) }) },
          { isFile: true, name: "good.png", file: (give) => give(good) }];
        const createReader = () => ({ readEntries: (give) => give(inside.splice(0, 1)) });
        DataTransferItem.prototype.webkitGetAsEntry = () => ({ isDirectory: true, name: "scans", createReader });
        return files; }""",
        base64.b64encode(png()).decode(),
    )
    page.dispatch_event("h1", "drop", {"dataTransfer": dropped})
    expect(page.locator("#status")).to_have_text("2 files or folders could not be read and were left out.")
    expect(page.locator(".document-head h1")).to_have_text("good.png")
    assert len(sent(redis)) == 1


def test_a_folder_is_dropped_with_all_that_lies_in_it(open_page: Open, redis: RedisServer, tmp_path: Path) -> None:
    (tmp_path / "scans" / "1999").mkdir(parents=True)
    for name in ("a.png", ".DS_Store", "1999/b.png"):
        (tmp_path / "scans" / name).write_bytes(png())
    page = open_page()
    drop(page, str(tmp_path / "scans"))
    expect(page.locator(".recent .name")).to_have_count(2)
    assert set(page.locator(".recent .name").all_inner_texts()) == {"a.png", "b.png"}
    assert len(sent(redis, 2)) == 2


def test_what_is_not_read_yet_stays_in_the_list_however_much_was_sent(open_page: Open, redis: RedisServer) -> None:
    page = open_page()
    page.route("**/ocr/old-*", lambda route: route.fulfill(json={"status": "pending"}))
    about = {"name": "old.png", "status": "pending", "total": 1, "completed": 0, "failed": 0, "sent": 1e9}
    old = [{"id": f"old-{n}", **about} for n in range(200)]
    page.evaluate("old => localStorage.setItem('ocr-celery.recent', JSON.stringify(old))", old)
    choose(page, {"buffer": png()})
    page.get_by_role("link", name="All documents").click()
    expect(page.locator(".recent li")).to_have_count(201)
    assert len(sent(redis)) == 1


def test_a_pasted_picture_and_pasted_addresses_are_sent(open_page: Open, redis: RedisServer) -> None:
    page = open_page()
    paste = """([text, type]) => { const data = new DataTransfer();
    if (type) data.items.add(new File([text], "image.png", { type })); else data.setData("text", text);
    document.body.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true })); }"""
    expect(page.locator("#drop")).to_be_visible()  # from then on it listens
    page.evaluate(paste, ["https://a.example/1.png\nhttps://b.example/2.png", ""])
    expect(page.locator(".recent .name")).to_have_count(2)
    page.evaluate(paste, ["no address at all", ""])
    page.evaluate(paste, ["not a picture", "image/png"])
    expect(page.locator(".sending li.bad")).to_contain_text("pasted ")
    assert len(sent(redis, 2)) == 2


def test_addresses_are_counted_before_they_are_sent(open_page: Open, redis: RedisServer) -> None:
    page = open_page()
    page.get_by_role("button", name="Addresses").click()
    area = page.get_by_role("textbox", name="Addresses")
    area.fill("https://a.example/1.png\nfile:///etc/passwd")
    expect(page.get_by_role("button", name="Read 0 addresses")).to_be_disabled()
    area.fill("https://a.example/1.png")
    page.get_by_role("button", name="Read 1 address").click()
    expect(page.locator(".document-head h1")).to_have_text("https://a.example/1.png")
    assert len(sent(redis)) == 1


def test_the_options_shown_are_those_that_are_sent_and_the_command_line_says_them(
    open_page: Open, redis: RedisServer
) -> None:
    page = open_page()
    page.get_by_label("Plain text").check()
    page.get_by_text("More options").click()
    page.get_by_label("Pages of a document").fill("2-3")
    page.get_by_label("Password of a PDF").fill("secret")
    page.get_by_label("Most tokens a page").fill("99")
    page.get_by_label("Text inside a PDF").select_option("prefer")
    command = page.locator(".terminal pre")
    expect(command).to_contain_text("page_range=2-3")
    expect(command).not_to_contain_text("secret")
    choose(page, {"name": "a.pdf", "mimeType": "application/pdf", "buffer": pdf([100, 101, 102])})
    ((_, options),) = sent(redis)
    assert options.pop("password") not in ("", "secret")
    assert options == {"prompt": "<image>\nFree OCR.", "page_range": "2-3", "max_tokens": 99, "text_layer": "prefer"}
    page.get_by_role("link", name="All documents").click()
    expect(page.get_by_label("Plain text")).to_be_checked()
    for name in ("page_range", "password"):  # they were meant for that file
        expect(page.locator(f"[name={name}]")).to_have_value("")
    expect(command).not_to_contain_text("page_range")


def test_while_the_service_is_full_files_wait_in_the_browser(open_page: Open, redis: RedisServer) -> None:
    page = open_page()
    full = {"detail": "Service is at full capacity.", "code": "queue_full"}
    refuse = lambda route: route.fulfill(status=503, headers={"Retry-After": "1"}, json=full)  # noqa: E731
    page.route("**/ocr", refuse)
    choose(page, {"name": "a.png", "buffer": png()}, {"name": "b.png", "buffer": png()})
    expect(page.get_by_text("2 files wait here")).to_be_visible()
    assert waiting(redis.client) == []
    page.unroute("**/ocr", refuse)
    expect(page.locator(".recent .name")).to_have_count(2)
    assert len(sent(redis, 2)) == 2


def test_while_the_service_is_away_a_banner_says_so_and_nothing_is_lost(open_page: Open, redis: RedisServer) -> None:
    page = open_page()
    expect(page.get_by_text("No worker is ready")).to_be_visible()

    def refuse(route: Route) -> None:
        route.abort()

    page.route("**/stats", refuse)
    page.route("**/ocr", refuse)
    choose(page, {"buffer": png()})
    expect(page.get_by_text("The service does not answer. Nothing is lost")).to_be_visible()
    page.unroute_all()
    expect(page.get_by_text("The service does not answer. Nothing is lost")).to_be_hidden()
    expect(page.locator(".document-head h1")).to_have_text("report.png")
    assert len(sent(redis)) == 1


def test_a_file_that_is_held_because_redis_is_away_leaves_the_banner_shown(open_page: Open, redis: RedisServer) -> None:
    page = open_page()
    expect(page.get_by_text("No worker is ready")).to_be_visible()
    away = page.get_by_text("The service does not answer. Nothing is lost")
    broken = {"status": 503, "headers": {"Retry-After": "99"}, "json": {"code": "broker_unavailable"}}
    hold(page, "/stats$")  # only the answer to the file says how the service is
    page.route("**/ocr", lambda route: route.fulfill(**broken))
    choose(page, {"buffer": png()})
    expect(page.locator(".sending .state")).to_have_text("waits here")
    expect(away).to_be_visible(timeout=5000)
    page.unroute_all()


def test_an_address_that_is_taken_away_while_it_is_sent_takes_nothing_else_along(
    open_page: Open, redis: RedisServer
) -> None:
    page = open_page()
    page.route("**/ocr/url", lambda route: route.fulfill(status=503, headers={"Retry-After": "99"}, json={}))
    held = hold(page, "/ocr/url$", times=1)
    page.get_by_role("button", name="Addresses").click()
    page.get_by_role("textbox", name="Addresses").fill("https://a.example/1.png\nhttps://b.example/2.png")
    page.get_by_role("button", name="Read 2 addresses").click()
    expect(page.locator(".sending .state")).to_have_text(["sending", "waits here"])
    page.get_by_role("button", name="Remove https://a.example/1.png").click()
    held[0].fulfill(status=202, json={"task_id": "late"})
    page.unroute_all()
    page.evaluate("dispatchEvent(new Event('online'))")
    expect(page.locator(".recent .name")).to_have_text(["https://b.example/2.png"])
    assert len(sent(redis)) == 1


def test_why_something_failed_is_said_in_the_words_that_there_are(
    open_page: Open, client: Client, worker: WorkerDouble
) -> None:
    id = client.submit_image(png())
    worker.fail(id, PageDeadline())
    page = open_page(f"#/d/{id}")
    expect(page.locator(".notice code")).to_have_text("page_deadline")
    page.get_by_role("link", name="All documents").click()
    expect(page.locator(".recent .state")).to_have_attribute("title", re.compile("did not finish this page"))
    page.route("**/ocr", lambda route: route.fulfill(status=413, body="<h1>413</h1>"))  # a proxy's own
    choose(page, {"buffer": png()})
    expect(page.locator(".sending .bad")).to_contain_text("answered with status 413 and without a reason")


def test_figures_and_limits_are_those_of_the_service(open_page: Open, image: str) -> None:
    page = open_page()
    expect(page.locator(".figures dd")).to_have_text(["0", "0", "1", "0"])
    expect(page.get_by_text("0 of 100")).to_be_visible()
    expect(page.get_by_text("Texts are kept for 60 min")).to_be_visible()
    expect(page.get_by_text("documents up to 200 MB and 1,000 pages")).to_be_visible()


def test_a_document_opens_although_its_modules_could_not_be_had_at_first(open_page: Open, image: str) -> None:
    page = open_page(f"#/d/{image}")
    page.route("**/document_view.js", lambda route: route.abort())
    with page.expect_event("requestfailed"):
        page.reload()
    page.unroute_all()
    expect(block(page, 0)).to_be_visible()


# -- reading -------------------------------------------------------------------------------------------------------------


def test_text_and_picture_point_at_each_other_by_pointer_and_by_keys(open_page: Open, image: str) -> None:
    page = open_page(f"#/d/{image}")
    block(page, 1).hover()
    lit(box(page, 1))
    box(page, 4).hover()
    lit(block(page, 4))
    expect(page.locator(".box.lit")).to_have_count(1)
    box(page, 4).click()
    expect(page.locator(".block.held")).to_have_attribute("data-block", "4")
    page.mouse.move(5, 5)
    lit(box(page, 4))
    page.keyboard.press("Escape")
    expect(page.locator(".lit")).to_have_count(0)
    page.keyboard.press("j")
    page.keyboard.press("j")
    lit(box(page, 1))
    page.keyboard.press("k")
    page.keyboard.press("c")
    expect(page.locator("#status")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == "1 Levels at the east pier"


def test_single_keys_can_be_switched_off(open_page: Open, document: str) -> None:
    page = open_page(f"#/d/{document}")
    expect(page.locator(".page-words").first).to_have_text("Page 1 of 4")
    page.keyboard.press("]")
    expect(page.locator(".page-words").first).to_have_text("Page 2 of 4")
    page.keyboard.press("b")
    expect(page.get_by_role("button", name="Boxes")).to_have_attribute("aria-pressed", "false")
    page.keyboard.press("?")
    page.get_by_label("Single keys do something").uncheck()
    page.get_by_role("button", name="Close").click()
    page.keyboard.press("[")
    expect(page.locator(".page-words").first).to_have_text("Page 2 of 4")


def test_a_document_opens_while_it_is_read_and_follows_it(
    open_page: Open, client: Client, worker: WorkerDouble
) -> None:
    pages = PageSet(4, "1-4")
    id = open_document(client, pages, "piers.pdf")
    page = open_page(f"#/d/{id}")
    expect(page.locator(".facts")).to_contain_text("0 of 4 read")
    first = end_page(worker, id, 3, report_page(3)[1], **FOUND)
    expect(block(page, 0)).to_have_text("3 Levels at the east pier")  # nobody has chosen another page yet
    expect(page.locator('.strip [data-kind="completed"]')).to_have_count(1)
    rest = [end_page(worker, id, n, report_page(n)[1], **FOUND) for n in (1, 2)]
    rest.append(end_page(worker, id, 4, EmptyFile()))
    end_document(worker, id, pages, [*rest[:2], first, rest[2]])
    expect(page.locator(".facts")).to_contain_text("3 of 4 read1 failed")
    expect(page.locator(".facts")).to_contain_text("kept for")
    expect(page.get_by_role("button", name="Cancel")).to_be_hidden()
    expect(block(page, 0)).to_have_text("3 Levels at the east pier")


def test_one_page_of_a_document_that_was_sent_alone_shows_its_text(
    open_page: Open, client: Client, worker: WorkerDouble
) -> None:
    id = client.submit_document(pdf([100]), name="piers.pdf", page_range="7")
    page = open_page(f"#/d/{id}")
    expect(page.get_by_text("This page waits for its turn.")).to_be_visible()
    worker.complete(id, report_page(7)[1], page=7, **FOUND)
    expect(block(page, 0)).to_have_text("7 Levels at the east pier")


def test_a_document_whose_listing_failed_once_is_shown_all_the_same(open_page: Open, document: str) -> None:
    page = open_page()
    page.route("**/pages?*", lambda route: route.abort(), times=1)
    page.evaluate("id => (location.hash = `#/d/${id}`)", document)
    expect(block(page, 0)).to_have_text("1 Levels at the east pier")


def test_what_was_learnt_before_a_request_failed_is_shown_too(
    open_page: Open, client: Client, worker: WorkerDouble
) -> None:
    id = open_document(client, PageSet(4, "1-4"), "piers.pdf")
    page = open_page(f"#/d/{id}")
    expect(page.locator(".facts")).to_contain_text("0 of 4 read")
    failed: list[str] = []

    def only_the_page_that_is_read(route: Route) -> None:
        if "after=0&" not in route.request.url:
            failed.append(route.request.url)
            route.abort()
            return
        listing = route.fetch().json()
        if listing["pages"][0]["status"] == "completed":
            listing = {**listing, "pages": listing["pages"][:1], "next_after": 1}
        route.fulfill(json=listing)

    page.route("**/pages?*", only_the_page_that_is_read)
    with page.expect_event("requestfailed"):
        end_page(worker, id, 1, report_page(1)[1], **FOUND)
        end_page(worker, id, 2, report_page(2)[1], **FOUND)
    page.unroute_all()
    expect(block(page, 0)).to_have_text("1 Levels at the east pier")
    expect(page.locator('.strip [data-kind="completed"]')).to_have_count(2)
    assert failed


def test_the_picture_of_a_page_that_is_turned_past_is_not_fetched_any_longer(open_page: Open, document: str) -> None:
    page = open_page()
    hold(page, "/pages/1/image")
    with page.expect_request("**/pages/1/image*"):
        page.evaluate("id => (location.hash = `#/d/${id}/1`)", document)
    expect(page.locator(".cut-out")).to_have_count(1)
    with page.expect_event("requestfailed", lambda request: "/pages/1/image" in request.url):
        page.keyboard.press("]")


def test_failed_and_doubtful_pages_say_what_happened_and_are_read_again(
    open_page: Open, document: str, redis: RedisServer
) -> None:
    page = open_page(f"#/d/{document}")
    page.get_by_role("button", name="To check 2").click()
    expect(page.locator(".pages li:visible")).to_have_count(2)
    page.get_by_role("link", name="Page 3").click()
    expect(page.get_by_text("The engine repeated itself on this page.")).to_be_visible()
    page.get_by_role("link", name="Page 2").click()
    expect(page.get_by_text("did not finish this page")).to_be_visible()
    expect(page.locator(".notice code")).to_have_text("page_deadline")
    page.get_by_role("button", name="Read again").click()
    expect(page.locator("#status")).to_have_text(
        "This browser no longer has the file. Choose it again on the start page."
    )


def test_a_page_that_its_engine_doubts_is_to_be_checked_but_not_to_be_read_again_the_same_way(
    open_page: Open, client: Client, worker: WorkerDouble
) -> None:
    data, text = report_page()
    id = client.submit_image(data, name="fax.png")
    worker.complete(id, text, **{**FOUND, "verdict": "unsure", "doubtful_share": 0.3})
    page = open_page(f"#/d/{id}")
    expect(page.get_by_text("The engine doubts a part of this text")).to_be_visible()
    expect(page.locator(".notice code")).to_have_text("unsure")
    expect(page.get_by_role("button", name="Read again")).to_have_count(0)


def test_a_page_is_read_again_from_the_file_that_this_browser_has(
    open_page: Open, redis: RedisServer, worker: WorkerDouble
) -> None:
    page = open_page()
    choose(page, {"buffer": png()})
    ((id, _),) = sent(redis)
    worker.fail(id, PageDeadline())
    first = page.url
    page.get_by_role("button", name="Read again").click()
    expect(page.get_by_text("This page waits for its turn.")).to_be_visible()
    assert [options.get("cache") for _, options in sent(redis, 2)] == [None, False]
    assert page.url != first
    page.go_back()
    expect(page.get_by_role("button", name="Read again")).to_be_visible()


def test_markdown_and_json_are_there_and_what_is_shown_is_copied(open_page: Open, image: str) -> None:
    page = open_page(f"#/d/{image}")
    expect(block(page, 0)).to_be_visible()
    page.get_by_role("tab", name="Text").press("ArrowRight")
    expect(page.locator(".source")).to_contain_text("# 1 Levels at the east pier")
    page.get_by_role("tab", name="JSON").click()
    expect(page.locator(".source")).to_contain_text('"label": "title"')
    page.get_by_role("button", name="Copy", exact=True).click()
    expect(page.locator("#status")).to_have_text("Copied")
    assert (
        json.loads(page.evaluate("navigator.clipboard.readText()"))["blocks"][0]["text"] == "1 Levels at the east pier"
    )
    page.reload()
    expect(page.locator(".source")).to_be_visible()  # as it was left


def test_a_table_is_copied_for_a_spreadsheet_and_the_whole_as_text(open_page: Open, image: str) -> None:
    page = open_page(f"#/d/{image}")
    block(page, 4).hover()
    block(page, 4).get_by_role("button", name="Copy the table").click()
    expect(page.locator("#status")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()").splitlines()[1] == "January\t2.058\t3.91\t0.31"
    page.get_by_role("button", name="Copy text").click()
    until(lambda: "hectopascal" in page.evaluate("navigator.clipboard.readText()"), what="the text is copied")


def test_results_are_saved_under_their_names_whole_or_a_page_of_them(
    open_page: Open, document: str, tmp_path: Path
) -> None:
    page = open_page(f"#/d/{document}/4")
    expect(block(page, 0)).to_be_visible()
    for scope, name, words in (
        ("Whole document", "piers.md", "<!-- page 2: page_deadline -->"),
        ("This page", "piers.page-4.md", "# 4 Levels"),
    ):
        page.get_by_role("button", name="Download").click()
        page.get_by_label(scope, exact=True).check()
        expect(page.get_by_role("link", name="Searchable PDF")).to_have_count(1 if scope == "Whole document" else 0)
        with page.expect_download() as saved:
            page.get_by_role("link", name="Markdown").click()
        assert saved.value.suggested_filename == name
        saved.value.save_as(tmp_path / scope)
        assert words in (tmp_path / scope).read_text()


def test_a_result_may_take_as_long_as_it_is_long(open_page: Open, image: str) -> None:
    page = open_page(f"#/d/{image}")
    expect(block(page, 0)).to_be_visible()
    page.clock.install()
    page.evaluate(
        """() => { const ask = fetch;
        AbortSignal.timeout = (ms) => { const stop = new AbortController(); setTimeout(() => stop.abort(), ms);
          return stop.signal; };
        const slowly = (signal) => new Response(new ReadableStream({ start(body) {
          signal.addEventListener("abort", () => body.error(signal.reason));
          window.finish = () => (body.enqueue(new TextEncoder().encode("all of it")), body.close()); } }));
        window.fetch = async (url, how) => (url.includes("format=text") ? slowly(how.signal) : ask(url, how)); }"""
    )
    page.get_by_role("button", name="Copy text").click()
    page.wait_for_function("typeof finish === 'function'")
    page.clock.fast_forward(60_000)
    page.evaluate("finish()")
    expect(page.locator("#status")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == "all of it"


def test_what_cannot_be_saved_is_said(open_page: Open, client: Client, worker: WorkerDouble) -> None:
    id = client.submit_image(png())
    worker.complete(id, "no table")
    page = open_page(f"#/d/{id}")
    page.get_by_role("button", name="Download").click()
    page.get_by_role("link", name="Tables, CSV").click()
    expect(page.locator("#status")).to_contain_text("There is no table in this result")


def test_a_result_that_is_being_made_is_saved_once_it_is_there(open_page: Open, image: str) -> None:
    page = open_page(f"#/d/{image}")
    expect(block(page, 0)).to_be_visible()
    page.evaluate(
        """() => { const ask = fetch; window.tries = 0;
        const later = () => new Response("{}", { status: 202, headers: { "Retry-After": "0.001" } });
        window.fetch = async (url, how) => (url.includes("format=raw") && (tries += 1) <= 150 ? later() : ask(url, how)); }"""
    )
    page.get_by_role("button", name="Download").click()
    with page.expect_download() as saved:
        page.get_by_role("link", name="As the engine wrote it").click()
    assert saved.value.suggested_filename == "pier.raw.txt"
    assert page.evaluate("tries") == 151


def test_cancelling_and_deleting(open_page: Open, redis: RedisServer) -> None:
    page = open_page()
    choose(page, {"buffer": png()})
    ((id, _),) = sent(redis)
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator(".facts")).to_contain_text("cancelled")
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("What you send is listed here.")).to_be_visible()
    assert requests.get(f"{page.url.split('#')[0]}ocr/{id}", timeout=10).status_code == 404


def test_what_is_no_longer_kept_says_so(open_page: Open, image: str, client: Client) -> None:
    page = open_page(f"#/d/{image}")
    expect(block(page, 0)).to_be_visible()
    client.forget(image)
    page.reload()
    expect(page.get_by_text("no longer kept by the service")).to_be_visible()
    page.get_by_role("main").get_by_role("link", name="All documents").click()
    expect(page.locator(".recent .state")).to_have_text("no longer kept")


def test_hostile_text_runs_nothing_and_loads_nothing(open_page: Open, client: Client, worker: WorkerDouble) -> None:
    attacks = (
        "<img src=x onerror=window.hit=1>",
        "<script>window.hit=1</script>",
        '<a href="javascript:window.hit=1">x</a>',
        '<table><tr><td onclick="window.hit=1" style="position:fixed;inset:0"><svg onload=window.hit=1>'
        "<b>cell</b></td></tr></table>",
        '<style>*{display:none}</style><iframe src="https://evil.example"></iframe>',
        "![x](https://evil.example/x.png)",
    )
    label = "<img src=x onerror=window.hit=1>"
    text = "\n\n".join(f"<|ref|>{label}<|/ref|><|det|>[[9, 9, 99, 99]]<|/det|>\n{attack}" for attack in attacks)
    id = client.submit_image(png(), name="<b onmouseover=window.hit=1>x.png")
    worker.complete(id, text, **FOUND)
    # the parser that runs nothing says which styles it did not apply
    page = open_page(f"#/d/{id}", allows="Applying inline style violates")
    expect(page.locator(".block")).to_have_count(len(attacks))
    for form in ("Markdown", "JSON", "Text"):
        page.get_by_role("tab", name=form).click()
    html = "".join(f"<p>{attack}</p>" for attack in attacks) + '<math><mi onclick="window.hit=1">x</mi></math>'
    names = page.evaluate(
        """async (html) => { const { safeHtml } = await import(new URL("safe_html.js", document.querySelector("script").src));
        document.body.append(safeHtml(html));
        return [...document.body.querySelectorAll("*")].filter((one) => !one.closest("#main, header"))
          .flatMap((one) => [one.localName, ...one.getAttributeNames()]); }""",
        html,
    )
    assert {"math", "mi", "table", "td", "b"} <= set(names)
    assert not {"img", "script", "style", "iframe", "svg", "onclick", "onerror", "href"} & set(names) - {"href"}
    assert page.evaluate("window.hit") is None


# -- everywhere ----------------------------------------------------------------------------------------------------------


def test_below_a_path_of_a_proxy_a_file_is_sent_read_and_saved(
    open_page: Open, redis: RedisServer, worker: WorkerDouble
) -> None:
    with served(redis.url, OCR_ROOT_PATH="/scans") as server:
        page = open_page(base=f"{server.url}/scans")
        data, text = report_page()
        choose(page, {"buffer": data})
        ((id, _),) = sent(redis)
        worker.complete(id, text, **FOUND)
        expect(block(page, 0)).to_have_text("1 Levels at the east pier")
        page.get_by_role("button", name="Download").click()
        with page.expect_download() as saved:
            page.get_by_role("link", name="Markdown").click()
        assert saved.value.suggested_filename == "report.md"
        assert page.url == f"{server.url}/scans/#/d/{id}"


def test_a_form_on_another_site_sends_nothing_to_the_service(
    open_page: Open, server: Served, redis: RedisServer
) -> None:
    page = open_page()
    form = f'<form method="post" action="{server.url}/ocr/url" enctype="text/plain"><button>Win</button></form>'
    page.route("https://evil.example/", lambda route: route.fulfill(body=form, content_type="text/html"))
    page.goto("https://evil.example/")
    page.get_by_role("button", name="Win").click()
    expect(page.get_by_text("cross_site")).to_be_visible()
    assert waiting(redis.client) == []


def test_over_plain_http_in_a_local_network_text_is_copied_too(open_page: Open, server: Served, image: str) -> None:
    ignored = "The Cross-Origin-Opener-Policy header has been ignored"  # Chromium's own words for such an address
    page = open_page(f"#/d/{image}", base=f"http://ocr.test:{server.port}", allows=ignored)
    assert page.evaluate("[isSecureContext, typeof navigator.clipboard]") == [False, "undefined"]
    page.get_by_role("button", name="Copy text").click()
    expect(page.locator("#status")).to_have_text("Copied")


def test_language_and_colours_are_chosen_and_stay(open_page: Open, image: str) -> None:
    page = open_page(color_scheme="light")
    page.get_by_role("button", name="Dark colours").click()
    page.get_by_role("button", name="中文").click()
    expect(page.locator("h1")).to_have_text("放入页面，得到文字")
    page.reload()
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.goto(page.url.split("#")[0] + f"#/d/{image}")
    expect(page.get_by_role("button", name="复制全文")).to_be_visible()


def test_on_a_phone_a_block_shows_its_piece_of_the_page_and_nothing_scrolls_sideways(
    open_page: Open, redis: RedisServer, worker: WorkerDouble
) -> None:
    page = open_page(viewport=PHONE, has_touch=True, is_mobile=True)
    expect(page.get_by_role("button", name="Take a photo")).to_be_visible()
    data, text = report_page()
    choose(page, {"buffer": data})
    ((id, _),) = sent(redis)
    worker.complete(id, text, **FOUND)
    block(page, 1).tap()
    expect(block(page, 1).locator(".peek .cut-out")).to_be_visible()
    block(page, 1).get_by_role("button", name="Show on the page").tap()
    expect(box(page, 1)).to_be_visible()
    box(page, 4).tap()
    expect(block(page, 4)).to_be_visible()
    for address in ("#/", f"#/d/{id}"):
        page.set_viewport_size({"width": 320, "height": 700})
        page.goto(page.url.split("#")[0] + address)
        expect(page.locator("h1")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") == 320


def test_another_tab_sees_what_this_one_has_sent(open_page: Open, redis: RedisServer) -> None:
    page = open_page()
    other = page.context.new_page()
    other.goto(page.url)
    expect(other.get_by_text("What you send is listed here.")).to_be_visible()
    choose(page, {"buffer": png()})
    expect(other.locator(".recent .name")).to_have_text("report.png")
    other.close()
