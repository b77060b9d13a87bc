"""Pages of PDF files as they are seen on a screen, and what is said of a file that has none."""

from pathlib import Path

import pytest
from PIL import Image

from ocr_celery.core.page import Page
from ocr_celery.decode import pdf
from ocr_celery.decode.protocol import MAX_DOCUMENT_PAGES
from ocr_celery.errors import OcrError, PasswordNeeded, TooManyPages, Unreadable, UnreadableDocument, WrongPassword
from tests.testlib import hostile_documents as made

SIDE = 400
#: a black square in the lower left corner of what the page is told to show
SQUARE = b"0 0 60 60 re f"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "a.pdf"


def render(file: Path, data: bytes, number: int = 1, *, password: str = "", max_pixels: int = 10**8) -> Page:
    file.write_bytes(data)
    return pdf.render_page(file, password, number, max_pixels=max_pixels, max_side=SIDE)


def dark_corners(image: Image.Image) -> str:
    """Which of the corners upper left, upper right, lower left, lower right are dark."""
    right, bottom = image.width - 5, image.height - 5
    places = [(4, 4), (right, 4), (4, bottom), (right, bottom)]
    return "".join("#" if image.convert("L").getpixel(at) < 128 else "." for at in places)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("box", "size"),
    [
        (b"0 0 595 842", (283, 400)),
        (b"0 0 842 595", (400, 283)),
        (b"0 0 7 5", (400, 286)),
        (b"0 0 14400 14400", (400, 400)),
        (b"0 0 100000 1", (400, 1)),
        (b"-47 10 148 205", (400, 400)),
    ],
)
def test_a_page_of_any_size_fills_the_longer_side(file: Path, box: bytes, size: tuple[int, int]) -> None:
    page = render(file, made.one_page(box=box))
    assert page.image.mode == "RGB"
    assert page.image.size == (page.width, page.height) == size


def test_a_page_has_no_more_pixels_than_the_service_accepts(file: Path) -> None:
    page = render(file, made.one_page(box=b"0 0 500 500"), max_pixels=10_000)
    assert 90 <= page.width == page.height <= 100


@pytest.mark.parametrize(("turn", "seen"), [(0, "..#."), (90, "#..."), (180, ".#.."), (270, "...#"), (-90, "...#")])
def test_a_turned_page_is_upright_with_its_sides_exchanged(file: Path, turn: int, seen: str) -> None:
    data = made.pdf(made.CATALOG, made.ONE_PAGE, made.page(more=b"/Rotate %d" % turn), made.stream(SQUARE))
    page = render(file, data)
    assert (page.width > page.height) == (turn % 180 == 90)
    assert dark_corners(page.image) == seen


def test_only_the_crop_box_is_seen(file: Path) -> None:
    data = made.pdf(
        made.CATALOG,
        made.ONE_PAGE,
        made.page(more=b"/CropBox[100 200 300 300]"),
        made.stream(b"90 190 60 60 re f 290 290 60 60 re f"),
    )
    page = render(file, data)
    assert page.image.size == (400, 200)
    assert dark_corners(page.image) == ".##."


def test_boxes_and_turns_are_inherited(file: Path) -> None:
    tree = b"<</Type/Pages/Kids[3 0 R]/Count 1/MediaBox[0 0 595 842]/CropBox[0 0 200 100]/Rotate 90>>"
    leaf = b"<</Type/Page/Parent 2 0 R/Contents 4 0 R/Resources<<>>>>"
    page = render(file, made.pdf(made.CATALOG, tree, leaf, made.stream(SQUARE)))
    assert page.image.size == (200, 400)
    assert dark_corners(page.image) == "#..."


def test_the_value_of_a_form_is_drawn(file: Path) -> None:
    catalog = b"<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[5 0 R]/DR<<>>/DA(/Helv 0 Tf 0 g)>>>>"
    field = b"<</Type/Annot/Subtype/Widget/FT/Btn/T(a)/F 4/Rect[0 0 60 60]/P 3 0 R/V/On/AS/On/AP<</N<</On 6 0 R/Off 7 0 R>>>>>>"
    look = made.stream(SQUARE, b"/Type/XObject/Subtype/TiffLayout/BBox[0 0 60 60]/Resources<<>>")
    off = made.stream(b"", b"/Type/XObject/Subtype/TiffLayout/BBox[0 0 60 60]/Resources<<>>")
    page = made.page(more=b"/Annots[5 0 R]")
    data = made.pdf(catalog, made.ONE_PAGE, page, made.stream(b""), field, look, off)
    assert dark_corners(render(file, data).image) == "..#."


def test_every_page_is_the_one_with_its_number(file: Path) -> None:
    data = made.batch_task_ids(9)
    pages = [render(file, data, number) for number in (1, 9)]
    assert [page.pages for page in pages] == [9, 9]
    assert pages[0].image.tobytes() != pages[1].image.tobytes()
    for number in (0, 10):
        with pytest.raises(Unreadable, match=f"no page {number}"):
            render(file, data, number)


def test_a_page_that_is_no_object_of_the_file_fails_alone(file: Path) -> None:
    data = made.first_page_missing()
    with pytest.raises(Unreadable, match="damaged"):
        render(file, data, 1)
    assert render(file, data, 2).pages == 2


@pytest.mark.parametrize("data", made.STRANGE.values(), ids=made.STRANGE)
def test_strange_measures_give_a_picture_within_bounds(file: Path, data: object) -> None:
    assert callable(data)
    page = render(file, data())
    assert max(page.image.size) <= SIDE


def count(file: Path, data: bytes, password: str = "") -> int:
    file.write_bytes(data)
    return pdf.count_pages(file, password)


def test_pages_are_counted(file: Path) -> None:
    assert count(file, made.batch_task_ids(12)) == 12
    assert count(file, b"junk\n" * 100 + made.batch_task_ids(3)) == 3
    assert count(file, made.repeats(1000)) == 1000


@pytest.mark.parametrize(
    "data",
    [b"%PDF-1.7\n", b"%PDF-1.7\n" + b"x" * 5000, made.without_pages()],
    ids=["a signature", "junk", "no page"],
)
def test_what_has_no_page_is_an_unreadable_document(file: Path, data: bytes) -> None:
    with pytest.raises(UnreadableDocument):
        count(file, data)


def test_more_pages_than_are_ever_read_are_refused_before_one_is_looked_for(file: Path) -> None:
    assert count(file, made.claims(MAX_DOCUMENT_PAGES)) == MAX_DOCUMENT_PAGES
    with pytest.raises(TooManyPages, match="500000 pages"):
        count(file, made.claims(500_000))


@pytest.mark.parametrize(
    ("password", "error"), [("", PasswordNeeded), ("Wrong", WrongPassword), ("geheim ", WrongPassword)]
)
def test_an_encrypted_document_asks_for_its_password(file: Path, password: str, error: type[OcrError]) -> None:
    data = made.encrypted("geheim")
    for ask in (count, lambda file, data, password: render(file, data, password=password)):
        with pytest.raises(error) as raised:
            ask(file, data, password)
        assert not password or password not in raised.value.message


def test_the_password_opens_it(file: Path) -> None:
    data = made.encrypted("geheim")
    assert count(file, data, "geheim") == 1
    plain = render(file, made.one_page())
    assert render(file, data, password="geheim").image.tobytes() == plain.image.tobytes()
    assert render(file, made.one_page(), password="needless").image.tobytes() == plain.image.tobytes()
