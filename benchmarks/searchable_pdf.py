"""How well the text of searchable PDFs stands where it is printed.

    python -m benchmarks.searchable_pdf FOLDER [--readings CACHE] [--out FOLDER]

Reads the documents of FOLDER/files with the CPU engine (once: what was read is kept in the folder CACHE), makes a searchable
PDF of each, and looks with pdftotext where each recognised word is: with the engine's lines, with blocks only, and with blocks
only and paragraphs of a column merged into one block. Pages that have a text of their own do not count. What a large PDF takes:
`benchmarks.large_pdf`.
"""

import argparse
import json
import math
import time
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pikepdf

from ocr_celery.core import grounding, prompts
from ocr_celery.core.grounding import Block
from ocr_celery.core.placed_line import PlacedLine, from_json
from ocr_celery.decode import document, image
from ocr_celery.decode.header import read_header
from ocr_celery.engine.rapid.engine import RapidEngine
from ocr_celery.export.searchable_pdf import write_searchable_pdf
from ocr_celery.task_results import result_dict
from tests.testlib.engine_probe import EngineProbe, engine_request
from tests.testlib.export_job import GivenJob
from tests.testlib.pdf_readers import Word, pdfium, words

_MAX_PIXELS, _MAX_SIDE = 100_000_000, 2048
_CLOSE = 20  #: thousandths of the page between two paragraphs of a column
_KINDS = {"PDF": "pdf", "TIFF": "tiff"}
_OVERLAP = 0.5  #: of a word's area on its line

Results = list[dict[str, Any]]
Box = tuple[float, float, float, float]  #: left, upper, right, lower, as shares of the page


def main() -> None:
    """Read what was not read yet, and print a table for each way of placing text."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--readings", type=Path, help="what the engine has read, kept from one run to the next")
    parser.add_argument("--out", type=Path, help="where the PDFs go")
    args = parser.parse_args()
    with TemporaryDirectory() as temporary:
        readings = args.readings or Path(temporary)
        readings.mkdir(parents=True, exist_ok=True)
        read = {path: read_file(path, readings) for path in sorted((args.folder / "files").iterdir())}
    for name, change in (("lines", lambda results: results), ("blocks", without_lines), ("merged", merged)):
        score_all(name, read, change, args.out)


def read_file(path: Path, readings: Path) -> Results:
    """The results of a file's pages, read by the engine or before."""
    kept = readings / f"{path.name}.json"
    if not kept.exists():
        results = []
        for number, page in enumerate(_decoded(path)):
            (reading,) = _engine().read(engine_request(f"{path.name} {number}", page.image, prompts.MARKDOWN))
            results.append(result_dict([reading], page, engine="", model="", waited=0, prepared=0, read=0))
        kept.write_text(json.dumps(results))
    return list(json.loads(kept.read_text()))


@cache
def _engine() -> EngineProbe:
    """Started once, and only where something is to be read."""
    return EngineProbe(RapidEngine(1), timeout=3600)


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


if __name__ == "__main__":
    main()
