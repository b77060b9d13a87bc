"""What exports look like: an archive whose names are ours and whose bytes repeat, and a page with its blocks drawn in."""

import io
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zipfile import ZipFile

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from ocr_celery.core.export_formats import EXPORT_FORMATS
from ocr_celery.core.result_formats import FORMATS
from ocr_celery.core.result_page import ResultPage
from ocr_celery.decode.protocol import _REFUSALS
from ocr_celery.errors import (
    BY_NAME,
    BrokerUnavailable,
    Internal,
    OcrError,
    PageDeadline,
    StoreFull,
    StoreUnavailable,
    TaskNotFound,
)
from ocr_celery.export import formats, zip_file
from ocr_celery.export.contract import NO_PICTURE, scaled_box
from ocr_celery.export.page_image import write_page_image
from ocr_celery.export.zip_file import write_zip
from tests.testlib.export_job import DrawnJob, block, page


def unpacked(path: Path) -> dict[str, bytes]:
    with ZipFile(path) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def shown(path: Path) -> Image.Image:
    return Image.open(io.BytesIO(path.read_bytes()))


def test_an_archive_has_markdown_with_its_figures_and_the_blocks(tmp_path: Path) -> None:
    pages = [
        page(block("title", "One") + block("image", "cap") + block("seal")),
        ResultPage(2, PageDeadline()),
        page(block("text", "Three"), 3),
    ]
    files = unpacked(write_zip(DrawnJob(tmp_path, *pages)))
    assert list(files) == ["images/1_1.jpg", "images/1_2.jpg", "result.md", "result.html", "result.json"]
    assert files["result.md"].decode() == (
        "<!-- page 1 -->\n\n# One\n\n![image](images/1_1.jpg)\n\ncap\n\n![seal](images/1_2.jpg)\n\n"
        "<!-- page 2: page_deadline -->\n\n<!-- page 3 -->\n\nThree\n"
    )
    writer = FORMATS["json"].writer(DrawnJob(tmp_path, *pages).head)
    html = files["result.html"].decode()
    assert [f'src="images/1_{n}.jpg"' in html for n in (1, 2)] == [True, True]
    assert files["result.json"].decode() == "".join([writer.begin(), *map(writer.add, pages), writer.end()])
    figure = Image.open(io.BytesIO(files["images/1_1.jpg"]))
    assert figure.size == (201, 151)
    red, green, blue = figure.getpixel((100, 75))  # type: ignore[misc]
    assert red > 200
    assert max(green, blue) < 60


def test_the_same_result_makes_the_same_bytes(tmp_path: Path) -> None:
    pages = [page(block("image", "a") + block("table", "<table><tr><td>1</td></tr></table>"))]
    one, other = (write_zip(DrawnJob(tmp_path / name, *pages)).read_bytes() for name in "ab")
    assert one == other


def test_a_page_that_cannot_be_shown_costs_its_figures_only(tmp_path: Path) -> None:
    pages = [page(block("image", "one")), page(block("image", "two"), 2)]
    files = unpacked(write_zip(DrawnJob(tmp_path, *pages, unreadable=1)))
    assert list(files) == ["images/2_1.jpg", "result.md", "result.html", "result.json", "images/missing.txt"]
    assert b"page 1: unreadable_image" in files["images/missing.txt"]
    assert "one" in files["result.md"].decode()


def test_figures_beyond_the_bound_are_left_out_which_the_archive_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = block("image", "", "[[0, 0, 999, 999]]")
    pages = [page(whole * 5), page(whole, 2)]
    size = len(unpacked(write_zip(DrawnJob(tmp_path / "one", page(whole))))["images/1_1.jpg"])
    monkeypatch.setattr(zip_file, "_MOST_BYTES", 2 * size)
    job = DrawnJob(tmp_path / "job", *pages)
    files = unpacked(write_zip(job))
    assert [name for name in files if name.endswith(".jpg")] == ["images/1_1.jpg", "images/1_2.jpg"]
    assert b"page 1, from figure 3 on" in files["images/missing.txt"]
    assert files["result.md"].decode().count("![image]") == 2
    assert job.checks == 3


@pytest.mark.parametrize("label", ["../../etc/passwd", "/image", "image\n](http://evil/)", "C:\\x", "image/../.."])
def test_no_name_in_an_archive_comes_from_a_page(tmp_path: Path, label: str) -> None:
    files = unpacked(write_zip(DrawnJob(tmp_path, page(block(label, "![x](../../y.png)")))))
    assert set(files) == {"result.md", "result.html", "result.json"}


@pytest.mark.parametrize("box", ["[[5000, 5000, 6000, 6000]]", "[[999, 0, 999, 999]]", "[]", "[[0, 0, 0, 0]]"])
def test_a_figure_that_has_no_place_on_its_page_is_left_out(tmp_path: Path, box: str) -> None:
    files = unpacked(write_zip(DrawnJob(tmp_path, page(block("image", "text", box)))))
    assert all(Image.open(io.BytesIO(files[name])).size[0] for name in files if name.endswith(".jpg"))
    assert "text" in files["result.md"].decode()


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=200))
def test_without_figures_the_markdown_is_that_of_the_format_md(text: str) -> None:
    pages = [
        page(block("text", text) + block("title", text)),
        ResultPage(2, PageDeadline()),
        page(block("list", text), 3),
    ]
    with TemporaryDirectory() as folder:
        job = DrawnJob(Path(folder), *pages)
        writer = FORMATS["md"].writer(job.head)
        expected = "".join([writer.begin(), *map(writer.add, pages), writer.end()])
        assert unpacked(write_zip(job))["result.md"].decode() == expected


@pytest.mark.parametrize("label", ["title", "image", "表格\u202e", "x" * 5000, "</script>"])
def test_a_page_is_shown_with_its_blocks_drawn_in(tmp_path: Path, label: str) -> None:
    plain, drawn = (
        shown(
            write_page_image(DrawnJob(tmp_path / str(annotated), page(block(label, "t")), page=1, annotated=annotated))
        )
        for annotated in (False, True)
    )
    assert plain.size == drawn.size == (500, 250)
    assert plain.getpixel((20, 20)) == drawn.getpixel((400, 230)) == (255, 255, 255)
    upper_edge = [drawn.getpixel((x, 50)) for x in range(100, 240)]
    assert all(one != (255, 0, 0) for one in upper_edge)
    assert max(max(abs(a - b) for a, b in zip(one, (255, 0, 0), strict=True)) for one in upper_edge) > 60  # type: ignore[arg-type]


def test_a_page_without_a_result_is_shown_as_it_was_seen(tmp_path: Path) -> None:
    job = DrawnJob(tmp_path, ResultPage(1, OcrError("x")), page("", 2), page=1, annotated=True)
    assert shown(write_page_image(job)).size == (500, 250)


@given(
    st.tuples(*[st.integers(-50, 2000)] * 4),
    st.tuples(*[st.integers(0, 300)] * 2),
    st.tuples(*[st.integers(1, 300)] * 2),
)
def test_a_scaled_box_lies_in_the_picture(box: Any, page_size: Any, picture_size: Any) -> None:
    left, upper, right, lower = scaled_box(box, page_size, picture_size)
    assert all(0 <= x <= picture_size[0] for x in (left, right))
    assert all(0 <= y <= picture_size[1] for y in (upper, lower))


def test_every_format_has_a_function_that_writes_it() -> None:
    assert all(callable(formats.writer(name)) for name in EXPORT_FORMATS)


@pytest.mark.parametrize("error", [StoreUnavailable(), StoreFull(), Internal(), TaskNotFound(), BrokerUnavailable()])
def test_an_archive_that_would_lack_its_figures_for_no_fault_of_the_file_is_not_made(
    tmp_path: Path, error: OcrError
) -> None:
    job = DrawnJob(tmp_path, page(block("image", "one")), unreadable=1, error=error)
    with pytest.raises(type(error)):
        write_zip(job)


def test_every_refusal_of_a_decoder_is_about_the_file_itself() -> None:
    assert {BY_NAME[name] for name in _REFUSALS} - {Internal} <= set(NO_PICTURE)
