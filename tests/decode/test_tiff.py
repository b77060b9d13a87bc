"""Pages of TIFF files, each as Pillow decodes it when it walks there, and what damage costs."""

import io
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from ocr_celery.core.page import Page
from ocr_celery.decode.document import load_page, open_document
from ocr_celery.decode.tiff import count_pages, extract_page
from ocr_celery.decode.tiff_directories import find_directories
from ocr_celery.errors import (
    NotAnImage,
    OcrError,
    PageTooCostly,
    TooManyPages,
    TooManyPixels,
    Unreadable,
    UnreadableDocument,
)
from tests.testlib.hostile_documents import tiff

MANY = 10_000


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "a.tif"


def load(file: Path, number: int, max_pixels: int = 10**8) -> Page:
    return load_page(file, "", number, max_pixels=max_pixels, max_side=2000)


def grey(number: int) -> tuple[int, int, bytes]:
    return 20 + number, 10, bytes([number]) * (10 * (20 + number))


MODES = {
    "bilevel, group 4": ("1", {"compression": "group4"}),
    "bilevel, group 3": ("1", {"compression": "group3"}),
    "grey, not compressed": ("L", {}),
    "colours, not compressed": ("RGB", {}),
    "colours, LZW": ("RGB", {"compression": "tiff_lzw"}),
    "colours, deflate with a predictor": ("RGB", {"compression": "tiff_deflate", "tiffinfo": {317: 2}}),
    "colours, JPEG": ("RGB", {"compression": "jpeg"}),
    "colours of print": ("CMYK", {"compression": "tiff_lzw"}),
    "with transparency": ("RGBA", {"compression": "packbits"}),
    "a palette": ("P", {}),
    "16 bits": ("I;16", {}),
    "many strips": ("L", {"compression": "tiff_lzw", "strip_size": 500}),
    "BigTIFF": ("RGB", {"compression": "tiff_lzw", "big_tiff": True}),
    "with metadata": ("L", {"tiffinfo": {270: "x" * 5000, 305: "a program"}, "dpi": (300, 300)}),
}


@pytest.mark.parametrize("kind", MODES)
def test_a_page_is_what_it_is_where_it_stands(file: Path, kind: str) -> None:
    mode, options = MODES[kind]
    save_pages(file, mode, options)
    with Image.open(file) as image:
        for number in (1, 2, 3):
            image.seek(number - 1)
            alone = io.BytesIO()
            image.save(alone, "PNG") if mode not in ("CMYK",) else image.convert("RGB").save(alone, "PNG")
            page = load(file, number)
            assert (page.number, page.pages) == (number, 3)
            assert page.image.size == image.size
            if mode not in ("RGBA", "I;16"):
                assert page.image.tobytes() == image.convert("RGB").tobytes()


def save_pages(file: Path, mode: str, options: dict[str, Any]) -> None:
    gradient = Image.linear_gradient("L").resize((90, 60))
    images = [gradient.rotate(90 * n).resize((90 + n, 60)) for n in range(3)]
    images = [
        image.convert("L").convert("I").convert(mode) if mode == "I;16" else image.convert(mode) for image in images
    ]
    images[0].save(file, "TIFF", save_all=True, append_images=images[1:], **options)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("big", [False, True], ids=["classic", "big"])
def test_a_page_in_either_order_of_bytes_and_either_size_of_offsets(file: Path, order: str, big: bool) -> None:
    file.write_bytes(tiff([grey(number) for number in range(1, 6)], order=order, big=big))
    assert count_pages(file, MANY) == 5
    for number in range(1, 6):
        page = load(file, number)
        assert page.image.size == (20 + number, 10)
        assert page.image.getpixel((3, 3)) == (number, number, number)


def test_a_page_that_lies_on_its_side_is_turned(file: Path) -> None:
    save_pages(file, "L", {"tiffinfo": {274: 6}})
    assert [load(file, number).image.size for number in (1, 2, 3)] == [(60, 90), (60, 91), (60, 92)]


@pytest.mark.parametrize("number", [0, 4, MANY])
def test_a_page_that_is_not_there_says_so(file: Path, number: int) -> None:
    file.write_bytes(tiff([grey(number) for number in range(1, 4)]))
    with pytest.raises(Unreadable, match=f"no page {number}"):
        load(file, number)


def test_a_loop_ends_the_pages(file: Path) -> None:
    file.write_bytes(tiff([grey(1), grey(2)], loop=True))
    assert count_pages(file, MANY) == 2
    assert load(file, 2).image.width == 22


def test_the_rest_of_a_file_that_is_cut_off_is_a_page_that_fails(file: Path) -> None:
    whole = tiff([grey(number) for number in range(1, 6)])
    at = find_directories(whole, MANY)
    file.write_bytes(whole[: at[3] - 5])
    assert count_pages(file, MANY) == 4, "three, and one in the place of what is lost"
    assert [load(file, number).width for number in (1, 2, 3)] == [21, 22, 23]
    with pytest.raises(Unreadable, match="damaged or cut off"):
        load(file, 4)


def test_one_broken_page_does_not_harm_the_others(file: Path) -> None:
    data = bytearray(tiff([grey(1), grey(2), grey(3)]))
    first, second, _ = find_directories(bytes(data), MANY)
    struct.pack_into("<H", data, second + 2, 9999)  # no width
    struct.pack_into("<I", data, first + 2 + 5 * 12 + 8, len(data) + 7)  # pixels beyond the end
    file.write_bytes(data)
    assert count_pages(file, MANY) == 3
    for number in (1, 2):
        with pytest.raises((Unreadable, NotAnImage)):
            load(file, number)
    assert load(file, 3).width == 23


def test_pixels_are_bounded_for_each_page(file: Path) -> None:
    file.write_bytes(tiff([grey(1), (30_000, 30_000, b"x"), grey(3)]))
    assert count_pages(file, MANY) == 3
    with pytest.raises(TooManyPixels, match="900000000"):
        load(file, 2)
    assert load(file, 3, max_pixels=230).width == 23


def test_more_pages_than_are_ever_read_are_refused(file: Path) -> None:
    file.write_bytes(tiff([grey(1)] * 20))
    assert count_pages(file, 20) == 20
    with pytest.raises(TooManyPages, match="more than 19 pages"):
        count_pages(file, 19)


def test_strips_that_lie_over_each_other_do_not_become_a_large_file(file: Path) -> None:
    strips = 5000
    pixels = bytes(100_000)
    head = b"II*\0" + struct.pack("<I", 8 + len(pixels) + 8 * strips)
    tables = struct.pack(f"<{strips}I", *[8] * strips) + struct.pack(f"<{strips}I", *[len(pixels)] * strips)
    values = [(256, 1, 100), (257, 1, 100), (273, strips, 8 + len(pixels)), (279, strips, 8 + len(pixels) + 4 * strips)]
    entries = b"".join(struct.pack("<HHII", tag, 4, count, value) for tag, count, value in values)
    file.write_bytes(head + pixels + tables + struct.pack("<H", len(values)) + entries + bytes(4))
    with pytest.raises(PageTooCostly):
        extract_page(file, 1, MANY)


def test_a_page_alone_is_no_larger_than_what_it_holds(file: Path) -> None:
    pages = [grey(number % 200) for number in range(500)]
    file.write_bytes(tiff(pages))
    data, count = extract_page(file, 400, MANY)
    assert count == 500
    assert len(data) < len(pages[399][2]) + 300


def test_whatever_a_decoder_raises_is_damage_of_its_page(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_bytes(tiff([grey(1)]))

    def defect(*_: object, **__: object) -> None:
        raise RecursionError

    monkeypatch.setattr("ocr_celery.decode.tiff.extract_page", defect)
    monkeypatch.setattr("ocr_celery.decode.tiff.count_pages", defect)
    with pytest.raises(Unreadable):
        load(file, 1)
    with pytest.raises(UnreadableDocument):
        open_document(file, "")


SEED = tiff([grey(1), grey(2), grey(3)])


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(st.lists(st.tuples(st.integers(4, len(SEED) - 1), st.integers(0, 255)), max_size=8), st.booleans())
def test_no_damage_raises_anything_but_a_refusal(tmp_path: Path, damage: list[tuple[int, int]], big: bool) -> None:
    data = bytearray(tiff([grey(1), grey(2), grey(3)], big=big))
    for at, value in damage:
        data[at] = value
    file = tmp_path / "damaged.tif"
    file.write_bytes(data)
    for number in range(1, min(count_pages(file, MANY), 5) + 1):
        try:
            load(file, number)
        except OcrError:
            continue
