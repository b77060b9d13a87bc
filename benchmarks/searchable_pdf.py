"""How well the text of searchable PDFs stands where it is printed, and what a large one takes.

    python -m benchmarks.searchable_pdf FOLDER --readings CACHE [--out FOLDER]
    python -m benchmarks.searchable_pdf --pages 500

The first reads the documents of FOLDER/files with the CPU engine (once: what was read is kept in the folder CACHE), makes a
searchable PDF of each, and looks with pdftotext where each recognised word is: with the engine's lines, with blocks only, and
with blocks only and paragraphs of a column merged into one block. Pages that have a text of their own do not count. The second
makes one of so many scanned pages.
"""

import argparse
import json
import math
import resource
import time
import unicodedata
from collections.abc import Iterator, Sequence
from io import BytesIO
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pikepdf
from PIL import Image

from ocr_celery.core import grounding
from ocr_celery.core.grounding import Block
from ocr_celery.core.placed_line import PlacedLine, from_json
from ocr_celery.decode import document, image
from ocr_celery.decode.header import read_header
from ocr_celery.export.pdf_request import PdfRequest
from ocr_celery.export.searchable_file import write_file
from ocr_celery.export.searchable_pdf import write_searchable_pdf
from ocr_celery.task_results import result_dict
from tests.testlib.export_job import GivenJob, line_result
from tests.testlib.pdf_readers import Word, pdfium, words

_MAX_PIXELS, _MAX_SIDE = 100_000_000, 2048
_CLOSE = 20  #: thousandths of the page between two paragraphs of a column
_KINDS = {"PDF": "pdf", "TIFF": "tiff"}
_OVERLAP = 0.5  #: of a word's area on its line

Results = list[dict[str, Any]]


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--readings", type=Path, help="what the engine has read, kept from one run to the next")
    parser.add_argument("--out", type=Path, help="where the PDFs of the first table go")
    parser.add_argument("--pages", type=int, default=500)
    args = parser.parse_args()
    if args.folder is None:
        measure_large(args.pages)
    else:
        readings = args.readings or Path(TemporaryDirectory(delete=False).name)
        readings.mkdir(parents=True, exist_ok=True)
        read = {path: read_file(path, readings) for path in sorted((args.folder / "files").iterdir())}
        for name, change in (("lines", lambda results: results), ("blocks", without_lines), ("merged", merged)):
            score_all(name, read, change, args.out)


def read_file(path: Path, readings: Path) -> Results:
    """The results of a file's pages, read by the engine or before."""
    kept = readings / f"{path.name}.json"
    if not kept.exists():
        from ocr_celery.engine.rapid import pipeline

        results = []
        for page in _decoded(path):
            reading = pipeline.read_page(_models(), page.image, blocks=True)
            results.append(result_dict([reading], page, engine="", model="", waited=0, prepared=0, read=0))
        kept.write_text(json.dumps(results))
    return list(json.loads(kept.read_text()))


def _models(loaded: list[Any] = []) -> Any:  # noqa: B006  # loaded once, and only where something is to be read
    if not loaded:
        from ocr_celery.engine.rapid.engine import _load_models

        loaded.append(_load_models())
    return loaded[0]


def _kind(path: Path) -> Any:
    return _KINDS.get(read_header(path.read_bytes(), max_pixels=_MAX_PIXELS).format, "image")


def _decoded(path: Path) -> Iterator[Any]:
    sizes = {"max_pixels": _MAX_PIXELS, "max_side": _MAX_SIDE}
    if _kind(path) == "image":
        yield image.load(path.read_bytes(), **sizes)
        return
    for number in range(1, document.open_document(path, "").pages + 1):
        yield document.load_page(path, "", number, **sizes)


def without_lines(results: Results) -> Results:
    """The results as an engine has them that knows blocks only."""
    return [{name: value for name, value in result.items() if name != "lines"} for result in results]


def merged(results: Results) -> Results:
    """The same with paragraphs below one another merged into one block."""
    return [result | {"text": _merge(result["text"])} for result in without_lines(results)]


def _merge(raw: str) -> str:
    blocks: list[Block] = []
    for block in grounding.parse_blocks(raw):
        if blocks and _continues(blocks[-1], block):
            (left, top, right, _), (x1, _, x2, bottom) = blocks[-1].boxes[0], block.boxes[0]
            box = (min(left, x1), top, max(right, x2), bottom)
            blocks[-1] = Block("text", (box,), f"{blocks[-1].text}\n{block.text}")
        else:
            blocks.append(block)
    return grounding.render_blocks(blocks)


def _continues(above: Block, below: Block) -> bool:
    if not (above.label == below.label == "text" and above.boxes and below.boxes):
        return False
    (left, _, right, bottom), (x1, top, x2, _) = above.boxes[0], below.boxes[0]
    return min(right, x2) - max(left, x1) > 0.8 * max(right - left, x2 - x1) and 0 <= top - bottom < _CLOSE


def score_all(name: str, read: dict[Path, Results], change: Any, out: Path | None) -> None:
    """Print how many words there are, and the shares of them that are found on their line and in their row."""
    print(f"{name:28} words  on line  in row  seconds")
    total = [0, 0, 0]
    for path, results in read.items():
        with TemporaryDirectory() as folder:
            job = GivenJob(path, _kind(path), change(results), Path(folder))
            began = time.monotonic()
            made = write_searchable_pdf(job)
            seconds = time.monotonic() - began
            own = pdfium(path) if job.kind == "pdf" else [""] * len(results)
            pages = [
                pair for pair, text in zip(zip(results, words(made), strict=True), own, strict=True) if not text.strip()
            ]
            _check(made, path)
            if out:
                out.mkdir(parents=True, exist_ok=True)
                (out / f"{path.name}.{name}.pdf").write_bytes(made.read_bytes())
        counts = [sum(column) for column in zip(*(_score(*page) for page in pages), strict=True)] or [0, 0, 0]
        total = [a + b for a, b in zip(total, counts, strict=True)]
        if counts[0]:
            print(
                f"{path.name:28} {counts[0]:5}  {counts[1] / counts[0]:.3f}    {counts[2] / counts[0]:.3f}   {seconds:.1f}"
            )
    print(f"{'all':28} {total[0]:5}  {total[1] / total[0]:.4f}   {total[2] / total[0]:.4f}\n")


def _check(made: Path, given: Path) -> None:
    """The PDF is sound, and a JPEG is in it as it was given."""
    with pikepdf.open(made) as pdf:
        assert not pdf.check_pdf_syntax(), made
        data = given.read_bytes()
        if data.startswith(b"\xff\xd8\xff"):
            assert pdf.pages[0].Resources.XObject.Picture.read_raw_bytes() == data, given


def _score(result: dict[str, Any], found: Sequence[Word]) -> tuple[int, int, int]:
    by_text: dict[str, list[Word]] = {}
    for word in found:
        by_text.setdefault(unicodedata.normalize("NFKC", word[0]), []).append(word)
    counts = [0, 0, 0]
    for line in from_json(result.get("lines")):
        box = _bounds(line, result["width"], result["height"])
        for text in line.text.split():
            places = by_text.get(unicodedata.normalize("NFKC", text), [])
            counts[0] += 1
            counts[1] += any(_shared(place[1:], box) >= _OVERLAP for place in places)
            counts[2] += any(_is_in_row(place[1:], box, down=line.turns % 2 == 1) for place in places)
    return counts[0], counts[1], counts[2]


Box = tuple[float, float, float, float]


def _bounds(line: PlacedLine, width: int, height: int) -> Box:
    x, y = (line.left + line.right) / 2, (line.top + line.bottom) / 2
    across, down = line.right - line.left, line.bottom - line.top
    cosine, sine = abs(math.cos(line.slant)), abs(math.sin(line.slant))
    half = (across * cosine + down * sine) / 2, (across * sine + down * cosine) / 2
    return (x - half[0]) / width, (y - half[1]) / height, (x + half[0]) / width, (y + half[1]) / height


def _shared(word: Box, line: Box) -> float:
    width, height = min(word[2], line[2]) - max(word[0], line[0]), min(word[3], line[3]) - max(word[1], line[1])
    area = (word[2] - word[0]) * (word[3] - word[1])
    return max(width, 0) * max(height, 0) / area if area else 0.0


def _is_in_row(word: Box, line: Box, *, down: bool) -> bool:
    low, high = (0, 2) if down else (1, 3)
    return line[low] <= (word[low] + word[high]) / 2 <= line[high]


def measure_large(pages: int) -> None:
    """Print the time and memory of one PDF of so many scanned pages, with 40 lines each."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        maker = get_context("spawn").Process(target=_make_scans, args=(folder / "given.pdf", pages))
        maker.start()  # in a process of its own: the memory of this one is what is measured
        maker.join()
        lines = [
            PlacedLine(100, 60 + 40 * n, 1100, 90 + 40 * n, "Words of a line that was read 中文 " * 2)
            for n in range(40)
        ]
        job = GivenJob(folder / "given.pdf", "pdf", [line_result(1240, 1754, *lines)] * pages, folder)
        began = time.monotonic()
        made = write_searchable_pdf(job)
        seconds = time.monotonic() - began
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
        child = get_context("spawn").Process(target=_write_alone, args=(job,))
        child.start()
        child.join()
        sizes = [path.stat().st_size / 1e6 for path in (folder / "given.pdf", made)]
    print(f"{pages} pages: {seconds:.1f} s; {sizes[0]:.1f} MB given, {sizes[1]:.1f} MB made;", end=" ")
    print(f"most memory in the process that places text: {memory} MB")


def _write_alone(job: GivenJob) -> None:
    """What the process of one PDF does, to see its memory: a child shows at least that of its parent."""
    request = PdfRequest(
        source=job.file,
        kind="pdf",
        password="",
        texts=job.folder / "texts.jsonl",
        folder=job.folder,
        target=job.folder / "alone.pdf",
        max_pixels=_MAX_PIXELS,
    )
    write_file(request)
    print(f"most memory in the process that writes: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10} MB")


def _make_scans(path: Path, pages: int) -> None:
    file = BytesIO()
    Image.effect_noise((1240, 1754), 12).save(file, "JPEG", quality=50)
    with pikepdf.new() as pdf:
        for number in range(pages):
            _add_scan(pdf, file.getvalue() + number.to_bytes(4))
        pdf.save(path)


def _add_scan(pdf: pikepdf.Pdf, data: bytes) -> None:
    pdf.add_blank_page(page_size=(595, 842))
    scan = pdf.make_stream(data, Type=pikepdf.Name.XObject, Subtype=pikepdf.Name.Image, Width=1240, Height=1754)
    scan.ColorSpace, scan.BitsPerComponent, scan.Filter = pikepdf.Name.DeviceGray, 8, pikepdf.Name.DCTDecode
    page = pdf.pages[-1].obj
    page.Resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary(Scan=scan))
    page.Contents = pdf.make_stream(b"q 595 0 0 842 0 0 cm /Scan Do Q")


if __name__ == "__main__":
    main()
