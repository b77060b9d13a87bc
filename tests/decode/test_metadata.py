"""Only the first frame of a GIF is decoded; the chunks of a PNG are bounded."""

import io

import pytest
from PIL import Image

from ocr_celery.decode.metadata import strip_gif, strip_png
from ocr_celery.errors import PageTooCostly
from tests.testlib.hostile_images import BOMBS, saved


def gif(frames: int = 3, **options: object) -> bytes:
    images = [Image.new("P", (20, 10), n) for n in range(frames)]
    for image in images:
        image.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    return saved(images[0], "GIF", save_all=True, append_images=images[1:], **options)


def first(data: bytes) -> bytes:
    with Image.open(io.BytesIO(data)) as image:
        return image.convert("RGBA").tobytes()


@pytest.mark.parametrize("options", [{}, {"transparency": 0}, {"comment": b"c" * 2000}, {"loop": 3}, {"interlace": 0}])
def test_the_first_picture_stays_and_all_are_counted(options: dict[str, object]) -> None:
    data = gif(**options)
    bare, frames = strip_gif(data)
    assert frames == 3
    assert first(bare) == first(data)
    with Image.open(io.BytesIO(bare)) as image:
        assert image.n_frames == 1  # type: ignore[attr-defined]
    assert b"ccc" not in bare
    assert b"NETSCAPE" not in bare


def test_extensions_of_any_kind_go() -> None:
    data = gif(1)
    at = data.index(b",", 13 + 3 * 4)
    junk = b"!\x01\x03abc\x00" + b"!\xff\x03app\x02xy\x00" + b"!\x77\x01z\x00"
    assert strip_gif(data[:at] + junk + data[at:]) == (strip_gif(data)[0], 1)


def test_more_blocks_than_any_real_gif_has_in_front_of_its_picture_are_refused() -> None:
    with pytest.raises(PageTooCostly):
        strip_gif(BOMBS["gif comment"]())


def test_countless_blocks_behind_the_first_picture_are_not_walked_over() -> None:
    data = gif(1)
    assert data.endswith(b";")
    bare, frames = strip_gif(data[:-1] + b"!\xfe" + b"\x01x" * 3_000_000 + b"\0;")
    assert (bare, frames) == strip_gif(data)


def test_more_chunks_than_any_real_png_has_are_refused() -> None:
    with pytest.raises(PageTooCostly):
        strip_png(BOMBS["tiny chunks"]())
