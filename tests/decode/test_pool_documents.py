"""Documents in real child processes: their pages, their errors, and what a hostile one costs the others."""

import logging
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest
from PIL import Image

from ocr_celery.core.document_info import DocumentInfo
from ocr_celery.core.page import Page
from ocr_celery.decode import pdf
from ocr_celery.decode.job import DecodeResult
from ocr_celery.decode.pool import DecoderPool
from ocr_celery.errors import (
    DocumentNotSupported,
    Internal,
    NotAnImage,
    OcrError,
    PageTooCostly,
    PasswordNeeded,
    TooManyPages,
    Unreadable,
    UnreadableDocument,
    WrongPassword,
)
from tests.testlib import hostile_documents as made
from tests.testlib.hostile_images import saved
from tests.testlib.processes import ROOT, until
from tests.testlib.text_pdf import latin, text_pdf

SIDE = 640


@pytest.fixture(scope="module")
def pool() -> Iterator[DecoderPool]:
    one = DecoderPool(max_pixels=64_000_000, max_side=SIDE, seconds=600)
    yield one
    one.close()


def stored(folder: Path, data: bytes, name: str = "a document") -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def submitted(pool: DecoderPool, path: Path, number: int = 1, password: str = "") -> "Future[DecodeResult]":
    future: Future[DecodeResult] = Future()
    pool.submit_page(path, number, future.set_result, password=password)
    return future


def grey(number: int) -> tuple[int, int, bytes]:
    return 20 + number, 10, bytes([number]) * (10 * (20 + number))


def test_a_child_counts_the_pages_of_a_document_whatever_it_is_called(pool: DecoderPool, tmp_path: Path) -> None:
    assert pool.open_document(stored(tmp_path, made.batch_task_ids(12), "a.tif")) == DocumentInfo(kind="pdf", pages=12)
    path = stored(tmp_path, made.tiff([grey(1), grey(2)], big=True), "b.pdf")
    assert pool.open_document(path) == DocumentInfo(kind="tiff", pages=2)


def test_a_child_makes_the_page_that_would_be_made_here(pool: DecoderPool, tmp_path: Path) -> None:
    path = stored(tmp_path, made.batch_task_ids(9))
    page = submitted(pool, path, 7).result(300)
    here = pdf.render_page(path, "", 7, max_pixels=64_000_000, max_side=SIDE)
    assert isinstance(page, Page)
    assert (page.number, page.pages) == (7, 9)
    assert (page.width, page.height) == page.image.size == here.image.size
    assert page.image.tobytes() == here.image.tobytes()


def test_pages_in_any_order_are_those_with_their_numbers(pool: DecoderPool, tmp_path: Path) -> None:
    path = stored(tmp_path, made.tiff([grey(number) for number in range(1, 101)]))
    numbers = [*range(100, 0, -7), *range(1, 100, 11)]
    pages = [submitted(pool, path, number) for number in numbers]
    found = [page.result(300) for page in pages]
    assert [(page.number, page.width) for page in found if isinstance(page, Page)] == [(n, 20 + n) for n in numbers]


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"%PDF-1.7\n", UnreadableDocument),
        (made.without_pages(), UnreadableDocument),
        (made.claims(500_000), TooManyPages),
        (made.encrypted("geheim"), PasswordNeeded),
        (b"hello", NotAnImage),
        (b"{\\rtf1}", DocumentNotSupported),
        (saved(Image.new("L", (9, 9)), "PNG"), UnreadableDocument),
    ],
    ids=["a signature", "no pages", "a claim", "encrypted", "text", "rtf", "an image"],
)
def test_what_is_wrong_with_a_document_is_said_when_it_is_opened(
    pool: DecoderPool, tmp_path: Path, data: bytes, error: type[OcrError]
) -> None:
    with pytest.raises(OcrError) as raised:
        pool.open_document(stored(tmp_path, data))
    assert type(raised.value) is error


def test_a_password_opens_and_is_nowhere_else(
    pool: DecoderPool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = stored(tmp_path, made.encrypted("geheim"))
    with caplog.at_level(logging.DEBUG):
        assert pool.open_document(path, password="geheim").pages == 1
        assert isinstance(submitted(pool, path, password="geheim").result(300), Page)
        with pytest.raises(WrongPassword) as raised:
            pool.open_document(path, password="hunter2")
    job = pool.submit_page(path, 1, lambda _: None, password="hunter2")
    for text in (raised.value.message, caplog.text, repr(job)):
        assert "hunter2" not in text
        assert "geheim" not in text
    for pid in pool.children.pids():
        assert b"geheim" not in Path(f"/proc/{pid}/cmdline").read_bytes() + Path(f"/proc/{pid}/environ").read_bytes()


def test_a_page_that_is_damaged_fails_alone(pool: DecoderPool, tmp_path: Path) -> None:
    path = stored(tmp_path, made.first_page_missing())
    assert pool.open_document(path).pages == 2
    first, second = submitted(pool, path, 1), submitted(pool, path, 2)
    assert isinstance(first.result(300), Unreadable)
    assert isinstance(second.result(300), Page)


def test_a_file_that_was_removed_is_not_said_to_be_damaged(pool: DecoderPool, tmp_path: Path) -> None:
    with pytest.raises(Internal):
        pool.open_document(tmp_path / "gone.pdf")


def test_hostile_pages_end_as_too_costly_and_good_ones_between_them_are_rendered(tmp_path: Path) -> None:
    bad = [stored(tmp_path, make(), name) for name, make in made.TOO_COSTLY.items()]
    good = stored(tmp_path, made.batch_task_ids(8))
    pool = DecoderPool(max_pixels=20_000_000, max_side=SIDE, seconds=4)
    try:
        ends = [(submitted(pool, path), submitted(pool, good, n + 1)) for n, path in enumerate(bad)]
        assert all(isinstance(page.result(300), Page) for _, page in ends)
        assert [type(page.result(300)) for page, _ in ends] == [PageTooCostly] * len(bad)
        assert isinstance(submitted(pool, good, 8).result(300), Page)
        pids = pool.children.pids()
    finally:
        pool.close()
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]


def test_a_page_whose_child_gets_no_memory_is_tried_with_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ocr_celery.decode.memory_limits._QUICK_PAGE_BYTES", 24 << 20)
    picture = made.stream(
        saved(Image.effect_noise((3000, 3000), 9).convert("RGB"), "JPEG2000"),
        b"/Type/XObject/Subtype/Image/Width 3000/Height 3000/BitsPerComponent 8/ColorSpace/DeviceRGB/Filter/JPXDecode",
    )
    content = b"q 595 0 0 842 0 0 cm /I Do Q"
    path = stored(tmp_path, made.one_page(content, picture, resources=b"/XObject<</I 5 0 R>>"))
    pool = DecoderPool(max_pixels=64_000_000, max_side=SIDE, seconds=600)
    try:
        page = submitted(pool, path).result(300)
    finally:
        pool.close()
    assert isinstance(page, Page)
    assert page.image.convert("L").getextrema() != (255, 255), "the picture is there"


def test_a_page_whose_child_is_killed_from_outside_is_rendered(pool: DecoderPool, tmp_path: Path) -> None:
    path = stored(tmp_path, made.batch_task_ids(9))
    pages = [submitted(pool, path, 1 + n % 9) for n in range(60)]
    until(lambda: any(page.done() for page in pages), what="children are at work")
    for pid in pool.children.pids():
        os.kill(pid, signal.SIGKILL)
    assert [type(page.result(300)) for page in pages] == [Page] * 60


def test_a_closed_pool_opens_nothing_and_says_so(tmp_path: Path) -> None:
    pool = DecoderPool(max_pixels=10**6, max_side=SIDE, seconds=60)
    pool.close()
    path = stored(tmp_path, made.one_page())
    assert submitted(pool, path).result(60) is None
    with pytest.raises(RuntimeError, match="closed"):
        pool.open_document(path)


def test_no_worker_and_no_child_that_only_sees_images_loads_pdfium() -> None:
    code = "import sys, ocr_celery.consumer.pool, ocr_celery.decode.child, ocr_celery.decode.image;"
    code += "print([name for name in sys.modules if 'pdfium' in name])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_page_comes_with_the_text_that_its_file_has_for_it(pool: DecoderPool, tmp_path: Path) -> None:
    path = stored(tmp_path, text_pdf(latin("A page with a text of its own.")))
    page = submitted(pool, path).result()
    assert isinstance(page, Page)
    assert (page.text_layer, page.text_plausible) == ("A page with a text of its own.", True)


def test_a_page_whose_text_is_to_be_ignored_comes_without_it(pool: DecoderPool, tmp_path: Path) -> None:
    path = stored(tmp_path, text_pdf(latin("A page with a text of its own.")))
    future: Future[DecodeResult] = Future()
    pool.submit_page(path, 1, future.set_result, text_layer="ignore")
    page = future.result()
    assert isinstance(page, Page)
    assert (page.text_layer, page.text_plausible) == ("", False)
