"""The engines that need no GPU keep the promises of engines."""

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from ocr_celery.core.prompts import FREE_OCR, MARKDOWN
from ocr_celery.decode.image import load
from ocr_celery.engine.contract import Engine, EngineRequest
from ocr_celery.engine.scripted import Script, ScriptedEngine
from tests.testlib.engine_contract import EngineContract, new_id
from tests.testlib.engine_probe import EngineProbe, engine_request


class TestScripted(EngineContract):
    bad_code = "engine_failed"

    def engine(self) -> Engine:
        return ScriptedEngine(Script(capacity=4, seconds=0.02, spread=0.3, fail=("broken",)))

    def short(self, id: str) -> EngineRequest:
        return engine_request(id, _blank(100), FREE_OCR)

    def long(self, id: str) -> EngineRequest:
        return engine_request(id, _blank(199), FREE_OCR)

    def bad(self, id: str) -> EngineRequest:
        return engine_request(id, _blank(100), "a broken page")

    def numbered(self, id: str, number: int) -> EngineRequest:
        return engine_request(id, _blank(100 + number), FREE_OCR)

    def two_ways(self) -> tuple[EngineRequest, EngineRequest]:
        return engine_request(new_id(), _blank(100), FREE_OCR, max_tokens=3), engine_request(
            new_id(), _blank(100), MARKDOWN
        )

    def kill(self, probe: EngineProbe) -> None:
        assert isinstance(probe.engine, ScriptedEngine)
        probe.engine.script = replace(probe.engine.script, die_after=1)
        probe.engine.enter([self.short(new_id())])

    def test_a_held_page_stays_inside_until_it_is_let_go(self, own_probe: EngineProbe, tmp_path: Path) -> None:
        assert isinstance(own_probe.engine, ScriptedEngine)
        own_probe.engine.script = replace(own_probe.engine.script, hold=str(tmp_path))
        held, later = self.numbered(new_id(), 50), self.long(new_id())
        (tmp_path / "150").touch()
        own_probe.engine.enter([held, later])
        assert own_probe.reading(later.id)
        assert own_probe.order == [later.id]
        (tmp_path / "150").unlink()
        assert own_probe.reading(held.id)


class TestRapid(EngineContract):
    bad_code = "engine_failed"

    def engine(self) -> Engine:
        rapid = pytest.importorskip("ocr_celery.engine.rapid.engine")
        engine: Engine = rapid.RapidEngine(threads=2)
        return engine

    def short(self, id: str) -> EngineRequest:
        return engine_request(id, _written(1), FREE_OCR)

    def long(self, id: str) -> EngineRequest:
        return engine_request(id, _written(25), FREE_OCR)

    def bad(self, id: str) -> EngineRequest:
        file = io.BytesIO()
        _written(9).save(file, "JPEG")
        return engine_request(id, Image.open(io.BytesIO(file.getvalue()[:2000])), FREE_OCR)

    def numbered(self, id: str, number: int) -> EngineRequest:
        return engine_request(id, _written(1, f"Page number {number}"), FREE_OCR)

    def two_ways(self) -> tuple[EngineRequest, EngineRequest]:
        return engine_request(new_id(), _written(1), FREE_OCR), engine_request(new_id(), _written(1), MARKDOWN)

    @pytest.mark.parametrize("text", ["The quick brown fox", "春眠不觉晓处处闻啼鸟"])
    def test_light_text_on_transparency_is_read(self, probe: EngineProbe, text: str) -> None:
        request = engine_request(new_id(), load(_light(text), max_pixels=10**6, max_side=1280).image, FREE_OCR)
        probe.engine.enter([request])
        assert probe.reading(request.id).text == text

    def kill(self, probe: EngineProbe) -> None:
        probe.engine.enter([engine_request(new_id(), _Deadly(), FREE_OCR)])


class _Deadly(Image.Image):
    """Ends the thread that looks at it."""

    width = height = 100

    def convert(self, *_: object, **__: object) -> Image.Image:
        raise SystemExit


_FONT = ImageFont.load_default(28)


def _light(text: str) -> bytes:
    """A transparent PNG with white text, in the font that OpenCV brings with it, as machines need not have a Chinese one."""
    cv2 = pytest.importorskip("cv2")
    if not hasattr(cv2, "FontFace"):
        pytest.skip("OpenCV before version 5 has no font of its own for Chinese")
    ink = np.zeros((120, 640), np.uint8)
    cv2.putText(ink, text, (30, 75), (255,), cv2.FontFace("uni"), 48)
    image = Image.new("RGBA", (640, 120), "white")
    image.putalpha(Image.fromarray(ink))
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def _blank(width: int) -> Image.Image:
    return Image.new("RGB", (width, 20), "white")


def _written(lines: int, text: str = "The quick brown fox") -> Image.Image:
    page = Image.new("RGB", (600, 60 + 40 * lines), "white")
    for n in range(lines):
        ImageDraw.Draw(page).text((30, 30 + 40 * n), text, "black", _FONT)
    return page
