import io
import struct
import zlib
from base64 import b64decode
from contextlib import suppress
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, ImageDraw

from ocr_celery.core.page import Page
from ocr_celery.decode.cost_estimate import wavelet_levels
from ocr_celery.decode.image import load as load_with
from ocr_celery.decode.protocol import MAX_PAGES
from ocr_celery.errors import (
    DocumentNotSupported,
    EmptyFile,
    NotAnImage,
    OcrError,
    TooManyPixels,
    Unreadable,
)

WHITE, BLACK, RED = (255, 255, 255), (0, 0, 0), (255, 0, 0)


def load(data: bytes, max_side: int = 1000, max_pixels: int = 1_000_000) -> Page:
    page = load_with(data, max_pixels=max_pixels, max_side=max_side)
    assert page.image.mode == "RGB"
    assert max(page.image.size) <= max_side
    return page


def saved(image: Image.Image, format: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def marked(mode: str = "RGB", size: tuple[int, int] = (60, 40)) -> Image.Image:
    """White, with a black corner at the upper left."""
    image = Image.new("L", size, 255)
    ImageDraw.Draw(image).rectangle((0, 0, size[0] // 3, size[1] // 3), fill=0)
    return image.convert("RGB").convert(mode) if mode not in ("L", "1") else image.convert(mode)


def corners(page: Page) -> list[str]:
    """What is at the upper left, upper right, lower left and lower right."""
    right, bottom = page.image.width - 4, page.image.height - 4
    names = []
    for at in ((3, 3), (right, 3), (3, bottom), (right, bottom)):
        pixel = page.image.getpixel(at)
        assert isinstance(pixel, tuple)
        names.append("black" if max(pixel) < 40 else "white" if min(pixel) > 215 else str(pixel))
    return names


UPPER_LEFT = ["black", "white", "white", "white"]


# -- kinds of pixels ---------------------------------------------------------------------------------------------------

KINDS: list[tuple[str, str, dict[str, Any]]] = [
    ("RGB", "JPEG", {}),
    ("L", "JPEG", {}),
    ("CMYK", "JPEG", {}),
    ("RGB", "JPEG", {"progressive": True}),
    ("1", "PNG", {}),
    ("L", "PNG", {}),
    ("LA", "PNG", {}),
    ("RGBA", "PNG", {}),
    ("P", "PNG", {}),
    ("P", "GIF", {}),
    ("1", "TIFF", {"compression": "group4"}),
    ("CMYK", "TIFF", {}),
    ("YCbCr", "TIFF", {}),
    ("RGB", "TIFF", {"compression": "tiff_lzw"}),
    ("RGB", "TIFF", {"big_tiff": True}),
    ("RGB", "BMP", {}),
    ("1", "BMP", {}),
    ("RGB", "WEBP", {}),
    ("RGBA", "WEBP", {"lossless": True}),
    ("RGB", "AVIF", {}),
    ("RGB", "JPEG2000", {}),
    ("L", "JPEG2000", {}),
]


@pytest.mark.parametrize(("mode", "format", "options"), KINDS)
def test_every_kind_of_picture_becomes_rgb(mode: str, format: str, options: dict[str, Any]) -> None:
    page = load(saved(marked(mode), format, **options))
    assert (page.width, page.height, page.pages) == (60, 40, 1)
    assert corners(page) == UPPER_LEFT


def test_an_adobe_cmyk_jpeg_is_not_a_negative() -> None:
    data = saved(marked("CMYK"), "JPEG")
    assert b"Adobe" in data
    assert corners(load(data)) == UPPER_LEFT


def test_lab_becomes_rgb() -> None:
    to_lab = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")
    lab = ImageCms.applyTransform(marked(), to_lab)
    assert lab is not None
    assert corners(load(saved(lab, "TIFF"))) == UPPER_LEFT


def deep(values: dict[tuple[int, int], float], mode: str = "I;16", background: float = 0) -> Image.Image:
    image = Image.new(mode, (10, 10), background)
    for at, value in values.items():
        image.putpixel(at, value)
    return image


def grey(page: Page, at: tuple[int, int]) -> int:
    pixel = page.image.getpixel(at)
    assert isinstance(pixel, tuple)
    assert len(set(pixel)) == 1
    return int(pixel[0])


@pytest.mark.parametrize("format", ["PNG", "TIFF"])
@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_a_deep_grey_uses_the_bits_it_has_and_is_never_clipped(format: str, bits: int) -> None:
    top = 2**bits - 1
    page = load(saved(deep({(1, 1): top, (2, 2): top // 2, (3, 3): top // 4}), format))
    assert [grey(page, (n, n)) for n in range(4)] == pytest.approx([0, 255, 127, 63], abs=1)


def test_a_big_endian_deep_grey_is_read() -> None:
    pixels = struct.pack(">100H", *[40_000] * 50, *[65_535] * 50)
    tags = [(256, 10), (257, 10), (258, 16), (259, 1), (262, 1), (273, 122), (277, 1), (278, 10), (279, 200)]
    table = b"".join(struct.pack(">HHII", tag, 4, 1, value) for tag, value in tags)
    page = load(b"MM\0*\0\0\0\x08" + struct.pack(">H", len(tags)) + table + bytes(4) + pixels)
    assert [grey(page, (0, 0)), grey(page, (0, 9))] == pytest.approx([156, 255], abs=1)


def test_a_deep_grey_whose_zero_is_white_is_not_a_negative() -> None:
    page = load(saved(deep({(1, 1): 65_535}), "TIFF", tiffinfo={262: 0}))
    assert (grey(page, (0, 0)), grey(page, (1, 1))) == (255, 0)


@pytest.mark.parametrize("white", [1.0, 255.0, 65_535.0])
def test_floating_point_pixels_of_the_usual_ranges_are_read(white: float) -> None:
    page = load(saved(deep({(1, 1): white, (2, 2): white / 2}, "F"), "TIFF"))
    assert [grey(page, (n, n)) for n in range(3)] == pytest.approx([0, 255, 127], abs=1)


@pytest.mark.parametrize("mode", ["I", "F"])
def test_pixels_of_an_unusual_range_are_spread_over_ours(mode: str) -> None:
    page = load(saved(deep({(1, 1): 100_000, (2, 2): 0}, mode, background=-100_000), "TIFF"))
    assert [grey(page, (n, n)) for n in range(3)] == pytest.approx([0, 255, 127], abs=1)


def test_floating_point_pixels_without_an_end_are_refused() -> None:
    with pytest.raises(Unreadable):
        load(saved(deep({(1, 1): float("inf")}, "F"), "TIFF"))


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
@pytest.mark.parametrize("format", ["PNG", "TIFF"])
def test_what_is_transparent_becomes_white(mode: str, format: str) -> None:
    image = marked().convert(mode)
    image.putalpha(Image.new("L", image.size, 0))
    assert corners(load(saved(image, format))) == ["white"] * 4


def test_what_is_half_transparent_is_mixed_with_white() -> None:
    page = load(saved(Image.new("RGBA", (9, 9), (0, 0, 0, 128)), "PNG"))
    assert page.image.getpixel((4, 4)) == (127, 127, 127)


@pytest.mark.parametrize("format", ["PNG", "GIF"])
def test_a_transparent_palette_colour_becomes_white(format: str) -> None:
    image = Image.new("P", (9, 9), 1)
    image.putpalette([255, 0, 0, 0, 0, 255])
    image.putpixel((4, 4), 0)
    page = load(saved(image, format, transparency=1))
    assert page.image.getpixel((4, 4)) == RED
    assert page.image.getpixel((0, 0)) == WHITE


@pytest.mark.parametrize(("mode", "colour", "key"), [("L", 0, 0), ("RGB", (9, 9, 9), (9, 9, 9))])
def test_a_transparent_key_colour_becomes_white(mode: str, colour: Any, key: Any) -> None:
    page = load(saved(Image.new(mode, (9, 9), colour), "PNG", transparency=key))
    assert page.image.getpixel((4, 4)) == WHITE


# -- orientation -------------------------------------------------------------------------------------------------------

TURNED = {1: 0, 2: 1, 3: 3, 4: 2, 5: 0, 6: 1, 7: 3, 8: 2}  # which corner the upper left one is shown in


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF"])
@pytest.mark.parametrize("orientation", TURNED)
def test_a_page_is_turned_upright(format: str, orientation: int) -> None:
    options: dict[str, Any] = {"tiffinfo": {274: orientation}}
    if format != "TIFF":
        exif = Image.Exif()
        exif[274] = orientation
        options = {"exif": exif}
    page = load(saved(marked(), format, **options), max_side=30)
    expected = ["white"] * 4
    expected[TURNED[orientation]] = "black"
    assert corners(page) == expected
    assert (page.width, page.height) == ((40, 60) if orientation > 4 else (60, 40))
    assert page.image.size == ((20, 30) if orientation > 4 else (30, 20))


# `marked()` as an encoder writes it with a quarter turn (by a tag of HEIF's own, not EXIF): nothing that is installed
# here writes HEIC.
HEIC = b64decode(
    "AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAAchtZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAAAAAAAAADRpbG9jAA"
    "AAAERAAAIAAQAAAAAB7AABAAAAAAAAAGEAAgAAAAACTQABAAAAAAAAACQAAAA4aWluZgAAAAAAAgAAABVpbmZlAgAAAAABAABodmMxAAAAABVp"
    "bmZlAgAAAQACAABFeGlmAAAAAA5waXRtAAAAAAABAAABB2lwcnAAAADmaXBjbwAAAHZodmNDAQNwAAAAkAAAAAAAHvAA/P34+AAADwNgAAEAGE"
    "ABDAH//wNwAAADAJAAAAMAAAMAHroCQGEAAQAqQgEBA3AAAAMAkAAAAwAAAwAeoCCBBZbq5Ka5uAhoMCAAAAMDIAAAAwAhYgABAAZEAcFzwIkA"
    "AAATY29scm5jbHgAAQANAAaAAAAAFGlzcGUAAAAAAAAAQAAAAEAAAAAoY2xhcAAAADwAAAABAAAAKAAAAAH////8AAAAAv///+gAAAACAAAAEH"
    "BpeGkAAAAAAwgICAAAAAlpcm90AwAAABlpcG1hAAAAAAAAAAEAAQaBAgMFhIYAAAAaaXJlZgAAAAAAAAAOY2RzYwACAAEAAQAAAI1tZGF0AAAA"
    "XSgBrwng40GeId//KMDRwgqfwRZpP/YooPl+u5L49VeqYdTIRJBTCerKSY6TFKmeCZ0FJ+RUKfTC56z1dq/xPqX9na5vGgtUVqE7ni2BW4nLCy"
    "zzweffoCtBiCy7wAAAAAZFeGlmAABNTQAqAAAACAABARIAAwAAAAEABgAAAAAAAA=="
)


def test_a_heic_is_read_and_turned_upright() -> None:
    pytest.importorskip("pi_heif")
    page = load(HEIC)
    assert (page.width, page.height) == (40, 60)
    assert corners(page) == ["white", "black", "white", "white"]


def test_a_truncated_heic_is_refused() -> None:
    pytest.importorskip("pi_heif")
    with pytest.raises(Unreadable):
        load(HEIC[:-40])


@pytest.mark.parametrize("orientation", [0, 9, 65_535])
def test_an_orientation_that_does_not_exist_is_ignored(orientation: int) -> None:
    exif = Image.Exif()
    exif[274] = orientation
    assert corners(load(saved(marked(), "JPEG", exif=exif))) == UPPER_LEFT


@pytest.mark.parametrize("exif", [b"II*\0\xff\xff\xff\xff", b"MM\0*\0\0\0\x08\xff\xff", b"\xff" * 60, b"II*\0"])
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
def test_broken_exif_is_no_reason_to_refuse_a_page(format: str, exif: bytes) -> None:
    assert corners(load(saved(marked(), format, exif=b"Exif\0\0" + exif))) == UPPER_LEFT


# -- size --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("format", ["JPEG", "PNG"])
def test_a_large_page_is_scaled_down_and_says_how_large_it_was(format: str) -> None:
    page = load(saved(marked(size=(900, 600)), format), max_side=90)
    assert (page.width, page.height) == (900, 600)
    assert page.image.size == (90, 60)
    assert corners(page) == UPPER_LEFT


def test_a_page_is_never_scaled_up() -> None:
    assert load(saved(marked())).image.size == (60, 40)


@pytest.mark.parametrize(("size", "scaled"), [((2, 5000), (1, 100)), ((5000, 2), (100, 1)), ((1, 1), (1, 1))])
def test_extreme_shapes_keep_at_least_one_pixel(size: tuple[int, int], scaled: tuple[int, int]) -> None:
    assert load(saved(Image.new("L", size)), max_side=100).image.size == scaled


def gradient(side: int) -> Image.Image:
    return Image.linear_gradient("L").resize((side, side)).convert("RGB")


@pytest.mark.parametrize("resolutions", [1, 2, 3, 6])
def test_a_jpeg_2000_is_reduced_while_it_is_decoded_and_looks_the_same(resolutions: int) -> None:
    data = saved(gradient(512), "JPEG2000", num_resolutions=resolutions)
    reduced, whole = load(data, max_side=64), load(saved(gradient(512)), max_side=64)
    assert (reduced.width, reduced.image.size) == (512, (64, 64))
    assert max(abs(grey(reduced, (32, y)) - grey(whole, (32, y))) for y in range(64)) <= 3


def test_a_jpeg_2000_whose_tile_has_fewer_levels_than_its_header_is_read_all_the_same() -> None:
    data = saved(gradient(512), "JPEG2000", num_resolutions=2)
    coding, quantisation, tile = (data.index(marker) for marker in (b"\xff\x52", b"\xff\x5c", b"\xff\x90"))
    levels = coding + 9
    (length,) = struct.unpack_from(">H", data, quantisation + 2)
    own = data[coding : coding + 14] + data[quantisation : quantisation + 2 + length]
    (box,) = struct.unpack_from(">I", data, data.index(b"jp2c") - 4)
    (length,) = struct.unpack_from(">I", data, tile + 6)
    longer = bytearray(data[: tile + 12] + own + data[tile + 12 :])
    longer[levels] = 5
    struct.pack_into(">I", longer, data.index(b"jp2c") - 4, box + len(own))
    struct.pack_into(">I", longer, tile + 6, length + len(own))
    assert wavelet_levels(bytes(longer)) == 5
    page, plain = load(bytes(longer), max_side=64), load(data, max_side=64)
    assert (page.width, page.image.size) == (512, (64, 64))
    assert max(abs(grey(page, (32, y)) - grey(plain, (32, y))) for y in range(64)) <= 3


def test_a_lack_of_memory_is_not_taken_for_broken_exif(monkeypatch: pytest.MonkeyPatch) -> None:
    def getexif(_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(Image.Image, "getexif", getexif)
    with pytest.raises(MemoryError):
        load(saved(marked(), "BMP"))


def test_strips_leave_no_seam() -> None:
    page = load(saved(Image.linear_gradient("L").resize((1500, 1500))), max_side=300, max_pixels=3_000_000)
    rows = [grey(page, (150, y)) for y in range(300)]
    assert rows == sorted(rows)
    assert max(b - a for a, b in pairwise(rows)) <= 2


# -- pages and frames --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("format", ["GIF", "WEBP", "PNG", "TIFF", "AVIF"])
def test_of_many_pages_the_first_is_read_and_all_are_counted(format: str) -> None:
    frames = [marked(), Image.new("RGB", (60, 40), RED), Image.new("RGB", (60, 40), BLACK)]
    page = load(saved(frames[0], format, save_all=True, append_images=frames[1:]))
    assert page.pages == 3
    assert corners(page) == UPPER_LEFT


def chained_tiff(pages: int, last: int = 0) -> bytes:
    """A TIFF of many pages of one pixel; the last points on to `last`."""
    tags = [(256, 1), (257, 1), (258, 8), (259, 1), (262, 1), (273, 8), (277, 1), (278, 1), (279, 1)]
    table = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    size = len(table) + 4
    starts = [16 + size * n for n in range(pages)]
    directories = [table + struct.pack("<I", following) for following in [*starts[1:], last]]
    return b"II*\0" + struct.pack("<I", starts[0]) + bytes(8) + b"".join(directories)


def test_counting_pages_has_an_end() -> None:
    assert load(chained_tiff(MAX_PAGES + 5)).pages == MAX_PAGES


@pytest.mark.parametrize("last", [16, 16 + 114, 2**32 - 1, 5])
def test_a_chain_of_pages_that_loops_or_leads_nowhere_ends(last: int) -> None:
    assert load(chained_tiff(3, last)).pages in (3, 4)


def test_a_gif_of_countless_frames_is_counted_to_the_cap() -> None:
    first = saved(Image.new("P", (1, 1)), "GIF")
    frame = b",\0\0\0\0\1\0\1\0\0\2\2D\1\0"
    assert load(first[:-1] + frame * (MAX_PAGES + 5) + b";").pages == MAX_PAGES


# -- damage and malice -------------------------------------------------------------------------------------------------


def noisy(size: tuple[int, int] = (80, 60)) -> Image.Image:
    return Image.effect_noise(size, 90).convert("RGB")


@pytest.mark.parametrize("kept", [0.2, 0.5, 0.9])
@pytest.mark.parametrize("format", ["JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "JPEG2000", "AVIF"])
def test_a_truncated_picture_is_refused(format: str, kept: float) -> None:
    data = saved(noisy(), format, **({"compression": "tiff_lzw"} if format == "TIFF" else {}))
    with pytest.raises((Unreadable, NotAnImage)):
        load(data[: int(len(data) * kept)])


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def test_a_png_without_its_end_is_refused() -> None:
    with pytest.raises(Unreadable):
        load(saved(noisy())[:-12])


@pytest.mark.parametrize("kind", [b"IHDR", b"IDAT", b"IEND"])
def test_a_wrong_checksum_is_refused(kind: bytes) -> None:
    data = bytearray(saved(noisy()))
    at = data.index(kind) - 4
    (length,) = struct.unpack_from(">I", data, at)
    data[at + 8 + length] ^= 1
    with pytest.raises(Unreadable):
        load(bytes(data))


@pytest.mark.parametrize("kind", [b"zTXt", b"iCCP"])
def test_a_bomb_in_the_text_of_a_png_is_not_even_looked_at(kind: bytes) -> None:
    data = saved(marked())
    bomb = chunk(kind, b"Comment\0\0" + zlib.compress(bytes(8 << 20)))
    assert corners(load(data[:33] + bomb + data[33:])) == UPPER_LEFT


def test_a_png_that_says_its_size_twice_is_held_to_the_larger() -> None:
    data = saved(Image.new("1", (10, 10)))
    second = chunk(b"IHDR", struct.pack(">IIBBBBB", 5000, 5000, 1, 0, 0, 0, 0))
    with pytest.raises(TooManyPixels):
        load(data[:33] + second + data[33:])


def test_a_header_that_declares_a_bomb_is_refused_without_decoding() -> None:
    head = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 30_000, 30_000, 1, 0, 0, 0, 0))
    with pytest.raises(TooManyPixels, match="900000000"):  # a warning would be an error here
        load(head + chunk(b"IDAT", zlib.compress(bytes(100_000))) + chunk(b"IEND", b""))


def test_a_first_frame_larger_than_the_gif_is_refused() -> None:
    data = saved(Image.new("P", (1, 1)), "GIF")
    at = data.index(b",")
    with pytest.raises(TooManyPixels):
        load(data[: at + 5] + struct.pack("<HH", 60_000, 60_000) + data[at + 9 :])


def test_a_tile_far_larger_than_its_picture_is_refused() -> None:
    tags = {256: 8, 257: 8, 258: 8, 259: 5, 262: 1, 277: 1, 322: 65_520, 323: 65_520, 324: 8, 325: 8}
    table = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    with pytest.raises(TooManyPixels):
        load(b"II*\0\x08\0\0\0" + struct.pack("<H", len(tags)) + table + bytes(4))


def test_bytes_behind_a_picture_are_no_matter() -> None:
    assert corners(load(saved(marked(), "JPEG") + b"PK\3\4<?php ?>" * 50)) == UPPER_LEFT


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", EmptyFile),
        (b"%PDF-1.7", NotAnImage),
        (b"<svg/>", NotAnImage),
        (b"%!PS-Adobe-3.0 EPSF", DocumentNotSupported),
    ],
)
def test_what_the_header_refuses_is_refused(data: bytes, error: type[OcrError]) -> None:
    with pytest.raises(error):
        load(data)


SEEDS = [
    saved(marked(mode, (12, 9)), format, **options) for mode, format, options in KINDS if format not in ("AVIF", "WEBP")
]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(SEEDS), st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=6))
@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
def test_no_damage_raises_anything_but_a_refusal(seed: bytes, damage: list[tuple[int, int]]) -> None:
    data = bytearray(seed)
    for at, value in damage:
        data[at % len(data)] = value
    with suppress(OcrError):
        load(bytes(data))
