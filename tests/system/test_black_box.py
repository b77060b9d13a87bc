"""Documents in, text out, over HTTP, with nothing known of the inside."""

import io
from pathlib import Path
from typing import Any

import pytest
import requests
from PIL import Image

from tests.testlib.local_service import ROOT
from tests.testlib.service_calls import finished, upload
from tests.testlib.text_page import page

PATIENCE = 90.0  #: seconds for what takes a few


def test_an_uploaded_page_is_read(base_url: str) -> None:
    task = upload(base_url, page("Hello from 2026"))
    assert task["status"] == "completed"
    assert task["result"].removeprefix("# ").removeprefix("## ") == "Hello from 2026"
    assert set(task) == {"task_id", "status", "created_at", "updated_at", "source", "attempts", "result"}
    assert (task["source"], task["attempts"]) == ("page.png", 1)


def test_a_rotated_photo_with_exif_is_read(base_url: str) -> None:
    with Image.open(io.BytesIO(page("Turned on its side", size=(900, 300)))) as upright:
        exif, file = Image.Exif(), io.BytesIO()
        exif[0x0112] = 6
        upright.transpose(Image.Transpose.ROTATE_90).save(file, "JPEG", exif=exif)
    assert "Turned on its side" in upload(base_url, file.getvalue(), "photo.jpg")["result"]


def test_a_grounding_prompt_is_answered_with_places_and_free_ocr_with_plain_text(base_url: str) -> None:
    data = page("Where am I")
    plain = upload(base_url, data, prompt="<image>\\nFree OCR.")
    assert plain["result"] == "Where am I"
    placed = upload(base_url, data, prompt="<image>\\n<|grounding|>OCR this image.")
    raw = requests.get(f"{base_url}/ocr/{placed['task_id']}", params={"format": "raw"}, timeout=10).json()["result"]
    assert raw.startswith("<|ref|>")
    assert "<|det|>[[" in raw
    assert "<|" not in placed["result"]


def test_all_pages_of_a_file_are_read_in_their_order(base_url: str) -> None:
    frames = [Image.open(io.BytesIO(page(f"Page {n}"))) for n in (1, 2, 3)]
    file = io.BytesIO()
    frames[0].save(file, "TIFF", save_all=True, append_images=frames[1:])
    task = upload(base_url, file.getvalue(), "pages.tif")
    places = [task["result"].index(f"<!-- page {n} -->\n\nPage {n}") for n in (1, 2, 3)]
    assert places == sorted(places)
    assert (task["pages"]["in_file"], task["pages"]["completed"], task["failed_pages"]) == (3, 3, [])


def test_an_office_document_is_refused_with_what_to_do(base_url: str) -> None:
    answer = requests.post(f"{base_url}/ocr", files={"file": ("a.rtf", b"{\\rtf1 hello}")}, timeout=10)
    assert answer.status_code == 415
    assert answer.json()["code"] == "document_not_supported"
    assert "soffice --headless --convert-to pdf" in answer.json()["detail"]


def test_a_batch_keeps_its_order_and_a_bad_url_harms_no_other(base_url: str, files: str, tmp_path: Path) -> None:
    for n in (1, 2):
        (tmp_path / f"{n}.png").write_bytes(page(f"Number {n}"))
    (tmp_path / "notes.txt").write_text("no picture")
    urls: list[Any] = [f"{files}/2.png", "http://10.0.0.1/x.png", f"{files}/1.png?sig=secret", f"{files}/notes.txt", 7]
    answer = requests.post(f"{base_url}/ocr/url/batch", json={"urls": urls}, timeout=10)
    assert answer.status_code == 202
    batch = finished(base_url + answer.headers["Location"])
    assert batch["status"] == "completed"
    assert [batch[n] for n in ("total", "completed", "failed", "pending", "processing")] == [5, 2, 3, 0, 0]
    assert [item["url"] for item in batch["results"]] == urls
    assert ["Number" in item.get("result", "") and item["result"][-1] for item in batch["results"]] == [
        "2", False, "1", False, False
    ]  # fmt: skip
    assert [item.get("code") for item in batch["results"]] == [
        None, "address_refused", None, "not_an_image", "bad_url"
    ]  # fmt: skip


SEED = ROOT.parent / "shared" / "seed"


@pytest.mark.skipif(not SEED.is_dir(), reason="the document this project was created from is not beside the checkout")
def test_the_pdf_client_of_the_document_this_began_with_works_against_us(
    base_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = next(SEED.glob("*.txt")).read_text(encoding="utf-8")
    code = next(part for part in text.split("```python\n") if part.startswith("import httpx")).partition("```")[0]
    # its convert_from_path wants poppler's programs; what it gives is the same list of pictures
    (tmp_path / "pdf2image.py").write_text(
        "import pypdfium2\n"
        "def convert_from_path(path):\n"
        "    pdf = pypdfium2.PdfDocument(path)\n"
        "    return [pdf[n].render(scale=2).to_pil() for n in range(len(pdf))]\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    pages = [Image.open(io.BytesIO(page(f"Sheet {n}", format="JPEG"))) for n in (1, 2)]
    pages[0].save(tmp_path / "two.pdf", save_all=True, append_images=pages[1:])
    names: dict[str, Any] = {}
    exec(compile(code, "seed", "exec"), names)
    results = names["asyncio"].run(names["process_pdf"](str(tmp_path / "two.pdf"), base_url))
    assert ["Sheet 1" in results[0], "Sheet 2" in results[1], len(results)] == [True, True, 2]
