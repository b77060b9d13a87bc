"""What a large searchable PDF takes: time, size, and the memory of each of the two processes that make it.

    python -m benchmarks.large_pdf [--pages 500]

It is made of so many scanned pages with 40 lines each; nothing is read.
"""

import argparse
import resource
import time
from io import BytesIO
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import pikepdf
from PIL import Image

from ocr_celery.core.placed_line import PlacedLine
from ocr_celery.export.pdf_request import PdfRequest
from ocr_celery.export.searchable_file import write_file
from ocr_celery.export.searchable_pdf import write_searchable_pdf
from tests.testlib.export_job import GivenJob, line_result

_WIDTH, _HEIGHT, _LINES = 1240, 1754, 40
_spawned = get_context("spawn").Process  # a forked process would have the memory of this one


def main() -> None:
    """Make one and print what it took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=500)
    pages = parser.parse_args().pages
    with TemporaryDirectory() as name:
        folder = Path(name)
        maker = _spawned(target=_make_scans, args=(folder / "given.pdf", pages))
        maker.start()
        maker.join()
        text = "Words of a line that was read 中文 " * 2
        lines = [PlacedLine(100, 60 + 40 * n, 1100, 90 + 40 * n, text) for n in range(_LINES)]
        job = GivenJob(folder / "given.pdf", "pdf", [line_result(_WIDTH, _HEIGHT, *lines)] * pages, folder)
        began = time.monotonic()
        made = write_searchable_pdf(job)
        seconds = time.monotonic() - began
        memory = _peak_memory()
        writer = _spawned(target=_write_alone, args=(job,))
        writer.start()
        writer.join()
        sizes = [path.stat().st_size / 1e6 for path in (folder / "given.pdf", made)]
    print(f"{pages} pages: {seconds:.1f} s; {sizes[0]:.1f} MB given, {sizes[1]:.1f} MB made;", end=" ")
    print(f"most memory in the process that places text: {memory} MB")


def _peak_memory() -> int:
    """Megabytes that this process had resident at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10


def _write_alone(job: GivenJob) -> None:
    """What the process of one PDF does, to see its memory: a child shows at least that of its parent."""
    request = PdfRequest(
        source=job.file,
        kind="pdf",
        password="",
        texts=job.folder / "texts.jsonl",
        folder=job.folder,
        target=job.folder / "alone.pdf",
        max_pixels=job.max_pixels,
    )
    write_file(request)
    print(f"most memory in the process that writes: {_peak_memory()} MB")


def _make_scans(path: Path, pages: int) -> None:
    file = BytesIO()
    Image.effect_noise((_WIDTH, _HEIGHT), 12).save(file, "JPEG", quality=50)
    with pikepdf.new() as pdf:
        for number in range(pages):
            _add_scan(pdf, file.getvalue() + number.to_bytes(4))
        pdf.save(path)


def _add_scan(pdf: pikepdf.Pdf, data: bytes) -> None:
    pdf.add_blank_page(page_size=(595, 842))
    scan = pdf.make_stream(data, Type=pikepdf.Name.XObject, Subtype=pikepdf.Name.Image, Width=_WIDTH, Height=_HEIGHT)
    scan.ColorSpace, scan.BitsPerComponent, scan.Filter = pikepdf.Name.DeviceGray, 8, pikepdf.Name.DCTDecode
    page = pdf.pages[-1].obj
    page.Resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary(Scan=scan))
    page.Contents = pdf.make_stream(b"q 595 0 0 842 0 0 cm /Scan Do Q")


if __name__ == "__main__":
    main()
