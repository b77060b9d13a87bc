"""Scores what the CPU engine makes of the lines of a folder's documents, without reading these lines again.

    python -m benchmarks.layout FOLDER… --kept FILE [--out FOLDER] [--each] [--scorer FILE]

A FOLDER is one of `benchmarks.accuracy`. Each answer of a model is kept in FILE (SQLite), by the pixels it was given: the
first run reads every page, the next ones take seconds, as long as lines are found, cut and turned as before; what is new is
read and kept. Prints the same line for each folder, with `--each` one for each document, too.
"""

import argparse
import hashlib
import json
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchmarks.accuracy import load_scorer, score_pages
from benchmarks.layout_scores import summary
from ocr_celery.core.markdown import to_markdown
from ocr_celery.decode import document, image
from ocr_celery.decode.header import read_header
from ocr_celery.engine.rapid import pipeline
from ocr_celery.engine.rapid.engine import RapidEngine
from ocr_celery.engine.rapid.layout_model import Region

_MAX_PIXELS = 200_000_000


class KeptModels:
    """The engine's models, whose answers are kept."""

    def __init__(self, models: Any, file: Path) -> None:
        self._models = models
        self._kept = sqlite3.connect(file)
        self._kept.execute("CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, answer TEXT)")

    def detect_lines(self, image: Any) -> Any:
        found = self._answer("lines", image, lambda: self._models.detect_lines(image).tolist())
        return np.array(found, np.float32).reshape(-1, 4, 2)

    def crop_lines(self, image: Any, boxes: Any) -> Any:
        return self._models.crop_lines(image, boxes)

    def classify_inverted(self, crops: Sequence[Any]) -> list[bool]:
        return [self._answer("inverted", c, lambda c=c: self._models.classify_inverted([c])[0]) for c in crops]

    def recognize(self, crops: Sequence[Any]) -> list[tuple[str, float]]:
        return [tuple(self._answer("text", c, lambda c=c: self._models.recognize([c])[0])) for c in crops]

    def find_regions(self, image: Any) -> Any:
        found = self._answer("regions", image, lambda: self._models.find_regions(image))
        return [Region(label, tuple(rect), score) for label, rect, score in found]

    def commit(self) -> None:
        """Keep what was read since the last time."""
        self._kept.commit()

    def _answer(self, asked: str, image: Any, ask: Callable[[], Any]) -> Any:
        key = hashlib.sha256(f"{asked} {image.shape}".encode() + np.ascontiguousarray(image).tobytes()).hexdigest()
        row = self._kept.execute("SELECT answer FROM answers WHERE key = ?", (key,)).fetchone()
        if row is None:
            row = (json.dumps(ask()),)
            self._kept.execute("INSERT INTO answers VALUES (?, ?)", (key, *row))
        return json.loads(row[0])


def pages(path: Path) -> Iterator[Any]:
    """The decoded pages of a file, as the engine gets them."""
    sizes = {"max_pixels": _MAX_PIXELS, "max_side": RapidEngine.max_side}
    header = read_header(path.read_bytes(), max_pixels=_MAX_PIXELS)
    if header.format != "PDF" and image.load(path.read_bytes(), **sizes).pages < 2:
        yield image.load(path.read_bytes(), **sizes)
        return
    for number in range(1, document.open_document(path, "").pages + 1):
        yield document.load_page(path, "", number, **sizes)


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+", metavar="FOLDER")
    parser.add_argument("--kept", type=Path, required=True, help="what the models have answered")
    parser.add_argument("--out", type=Path, help="the answers go into a subfolder of it for each FOLDER")
    parser.add_argument("--each", action="store_true", help="print the score of each document")
    parser.add_argument("--scorer", type=Path, help="default: ../../tools/score_cer.py seen from FOLDER")
    args = parser.parse_args()
    from ocr_celery.engine.rapid.loading import load_models  # imports rapidocr, which takes a second or two
    from ocr_celery.engine.rapid.onnxruntime_runtime import OnnxRuntime

    models = KeptModels(load_models(OnnxRuntime(), 1)[0], args.kept)
    with TemporaryDirectory() as temporary:
        for folder in args.folders:
            out = (args.out or Path(temporary)) / folder.name
            out.mkdir(parents=True, exist_ok=True)
            read_folder(models, folder, out)
            scorer = load_scorer(args.scorer or folder / "../../tools/score_cer.py")
            scores = score_pages(scorer, folder, json.loads((folder / "manifest.json").read_text()), out)
            for score in scores if args.each else ():
                print(score)
            print(f"{folder.name}: {summary(scores)}")


def read_folder(models: KeptModels, folder: Path, out: Path) -> None:
    """Write the markdown of each document that has a truth into `out`, and its answer beside it."""
    began = time.process_time()
    for entry in json.loads((folder / "manifest.json").read_text(encoding="utf-8")):
        if entry["kind"] in ("hostile", "upload-name") or not entry.get("truth"):
            continue
        path = folder / entry["file"]
        raw = [pipeline.read_page(models, page.image, blocks=True).text for page in pages(path)]
        (out / f"{path.name}.raw").write_text("\f".join(raw), encoding="utf-8")
        (out / f"{path.name}.md").write_text("\n\n".join(map(to_markdown, raw)), encoding="utf-8")
        models.commit()
    print(f"{folder.name}: {time.process_time() - began:.1f} s of CPU")


if __name__ == "__main__":
    main()
