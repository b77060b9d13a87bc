"""The format docx, by the pandoc that is installed: what Word needs is in it, and pandoc is bounded."""

import shutil
import stat
import subprocess
import sys
from io import BytesIO
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from zipfile import ZipFile

import pytest
from PIL import Image

from ocr_celery.core.result_page import ResultPage
from ocr_celery.errors import ExportFailed, FormatNotAvailable, PageDeadline, StoreUnavailable
from ocr_celery.export import docx
from ocr_celery.export.docx import write_docx
from tests.testlib.attack_texts import attack_texts
from tests.testlib.export_job import DrawnJob, block, page
from tests.testlib.processes import until

needs_pandoc = pytest.mark.skipif(shutil.which("pandoc") is None, reason="there is no pandoc on PATH")
WORD = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
MATH = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
LINKED = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
DRAWING = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
PICTURE = "{http://schemas.openxmlformats.org/drawingml/2006/picture}"


class WatchingJob(DrawnJob):
    """One that goes on only once pandoc has said its line, so that it is not killed before."""

    def __init__(self, *args: Any, said: Path, **more: Any) -> None:
        super().__init__(*args, **more)
        self._said = said

    def check(self) -> None:
        super().check()
        until(lambda: whole(self._said), what="pandoc has said its line")


def whole(said: Path) -> bool:
    return said.exists() and said.read_text().endswith("\n")


def word(path: Path) -> tuple[ElementTree.Element, list[str]]:
    """The document, and the names of all files in it."""
    with ZipFile(path) as archive:
        assert archive.testzip() is None
        return ElementTree.fromstring(archive.read("word/document.xml")), archive.namelist()


def text_of(tree: ElementTree.Element) -> str:
    return " ".join("".join(t.text or "" for t in p.iter(f"{WORD}t")) for p in tree.iter(f"{WORD}p"))


@needs_pandoc
def test_word_gets_chinese_formulas_tables_with_spans_and_figures(tmp_path: Path) -> None:
    table = (
        "<table><tr><th rowspan=2>项目</th><th colspan=2>金额</th></tr><tr><td>2023</td><td>\\(x^2\\)</td></tr></table>"
    )
    texts = block("title", "年度报告 2024") + block("equation", "\\[ \\frac{a}{b} \\]") + block("table", table)
    pages = [page(texts + block("image", "a caption")), ResultPage(2, PageDeadline()), page(block("text", "Three"), 3)]
    tree, names = word(write_docx(DrawnJob(tmp_path, *pages)))
    text = text_of(tree)
    for expected in ("年度报告 2024", "项目", "a caption", "page_deadline", "Three"):
        assert expected in text
    styles = [style.get(f"{WORD}val") for style in tree.iter(f"{WORD}pStyle")]
    assert "Heading1" in styles
    assert len(list(tree.iter(f"{MATH}oMath"))) == 2
    assert next(e.get(f"{WORD}val") for e in tree.iter(f"{WORD}gridSpan")) == "2"
    assert "restart" in [e.get(f"{WORD}val") for e in tree.iter(f"{WORD}vMerge")]
    assert len([name for name in names if name.startswith("word/media/")]) == 1
    assert len(list(tree.iter(f"{PICTURE}pic"))) == 1
    assert not [value for element in tree.iter() for value in element.attrib.values() if value.startswith("data:")]


@needs_pandoc
def test_figures_that_cannot_be_shown_are_left_out(tmp_path: Path) -> None:
    tree, names = word(write_docx(DrawnJob(tmp_path, page(block("image", "a caption")), unreadable=1)))
    assert "a caption" in text_of(tree)
    assert not [name for name in names if "media" in name]


def test_a_file_that_would_lack_its_figures_for_no_fault_of_the_file_is_not_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_pandoc(tmp_path, "exit 1")
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:/bin:/usr/bin")
    with pytest.raises(StoreUnavailable):
        write_docx(DrawnJob(tmp_path / "job", page(block("image")), unreadable=1, error=StoreUnavailable()))


@needs_pandoc
def test_nothing_that_a_page_says_becomes_more_than_text(tmp_path: Path) -> None:
    pages = [page(text, number) for number, text in enumerate(attack_texts()[::3], 1)]
    path = write_docx(DrawnJob(tmp_path, *pages))
    tree, names = word(path)
    assert not [name for name in names if "embed" in name or "vba" in name.lower()]
    assert all(name.endswith(".jpg") for name in names if "media" in name)  # cut from the page
    with ZipFile(path) as archive:
        links = archive.read("word/_rels/document.xml.rels").decode()
    targets = [link.get("Target", "") for link in ElementTree.fromstring(links) if link.get("TargetMode") == "External"]
    assert all(target.startswith(("https:", "http:", "mailto:")) for target in targets)
    assert not list(tree.iter(f"{WORD}instrText"))


def fake_pandoc(folder: Path, script: str) -> None:
    path = folder / "bin" / "pandoc"
    path.parent.mkdir()
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


@pytest.mark.parametrize(
    ("script", "error", "says"),
    [
        (None, FormatNotAvailable, "apt-get install pandoc"),
        ("echo 'Unknown option --sandbox.' >&2; exit 6", FormatNotAvailable, "2.15"),
        ("exit 251", ExportFailed, "too long"),
        ("exit 1", ExportFailed, "log"),
    ],
)
def test_what_is_wrong_with_pandoc_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str | None, error: type[Exception], says: str
) -> None:
    if script:
        fake_pandoc(tmp_path, script)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin" + (":/bin:/usr/bin" if script else ""))
    with pytest.raises(error, match=says):
        write_docx(DrawnJob(tmp_path / "job", page("x")))


def test_pandoc_is_told_its_bounds_and_killed_when_it_takes_too_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_pandoc(tmp_path, f'echo "$@" > {tmp_path}/said; exec tail -f /dev/null')
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:/bin:/usr/bin")
    monkeypatch.setattr(docx, "_SECONDS", 0.5)
    job = WatchingJob(tmp_path / "job", page("x"), said=tmp_path / "said")
    with pytest.raises(ExportFailed, match="took more than"):
        write_docx(job)
    assert job.checks > 0
    said = (tmp_path / "said").read_text()
    assert "--sandbox" in said
    assert "-M2g" in said


def test_pandoc_ends_at_its_limit_of_processor_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_pandoc(tmp_path, "ulimit -St > said; ulimit -Ht >> said; kill -XCPU $$")
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:/bin:/usr/bin")
    with pytest.raises(ExportFailed, match="took more than"):
        write_docx(DrawnJob(tmp_path / "job", page("x")))
    soft, hard = map(int, (tmp_path / "job" / "said").read_text().split())
    assert soft == 300
    assert hard > soft  # else the system sends SIGKILL, which may have other reasons


def test_both_runs_of_pandoc_have_one_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ends: list[float] = []

    def run(_: object, command: list[str], end: float) -> tuple[int, str]:
        ends.append(end)
        return (97, "") if "--sandbox" in command else (1, "")

    fake_pandoc(tmp_path, "")
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:/bin:/usr/bin")
    monkeypatch.setattr(docx, "_run", run)
    with pytest.raises(ExportFailed):
        write_docx(DrawnJob(tmp_path / "job", page("x")))
    assert len(ends) == 2
    assert ends[0] == ends[1]


_PARENT = """
import sys, time
from ocr_celery.export import bounded_program
print(bounded_program.start(sys.argv[1:], cpu_seconds=60).pid, flush=True)
time.sleep(600)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a process with its parent")
def test_the_program_ends_with_an_exporter_that_is_killed(tmp_path: Path) -> None:
    fake_pandoc(tmp_path, f"echo whole > {tmp_path}/said; exec tail -f /dev/null")
    command = [sys.executable, "-c", _PARENT, str(tmp_path / "bin" / "pandoc")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        until(lambda: whole(tmp_path / "said"), what="the program runs")
        parent.kill()
    until(lambda: not is_running(pid), what="it has ended")


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@needs_pandoc
def test_a_document_that_pandoc_gets_in_portions_is_one_document(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(docx, "_PORTION", 1)
    text = "1. first of {n}\n2. second\n\n[link {n}](https://a.example/{n})"
    pages = [page(block("text", text.format(n=n)) + block("image", f"figure {n}"), n) for n in range(1, 4)]
    path = write_docx(DrawnJob(tmp_path, *pages))
    tree, names = word(path)
    # by which programs tell what it is
    assert names[:3] == ["[Content_Types].xml", "_rels/.rels", "word/document.xml"]
    assert len(names) == len(set(names))
    with ZipFile(path) as archive:
        relations = ElementTree.fromstring(archive.read("word/_rels/document.xml.rels"))
        lists = ElementTree.fromstring(archive.read("word/numbering.xml"))
        figures = [Image.open(BytesIO(archive.read(name))) for name in names if name.startswith("word/media/")]
    read = subprocess.run(
        ["pandoc", "--from=docx", "--to=plain", str(path)], capture_output=True, check=True, text=True
    )
    assert "first of 3" in read.stdout  # by a program that knows no more than the format
    said = text_of(tree)
    assert [said.index(f"first of {n}") for n in (1, 2, 3)] == sorted(said.index(f"first of {n}") for n in (1, 2, 3))
    targets = {str(relation.get("Id")): str(relation.get("Target")) for relation in relations}
    assert len(targets) == len(list(relations))
    links = [targets[str(link.get(f"{LINKED}id"))] for link in tree.iter(f"{WORD}hyperlink") if link.get(f"{LINKED}id")]
    assert links == [f"https://a.example/{n}" for n in (1, 2, 3)]
    shown = [targets[str(blip.get(f"{LINKED}embed"))] for blip in tree.iter(f"{DRAWING}blip")]
    assert sorted(f"word/{name}" for name in shown) == sorted(name for name in names if name.startswith("word/media/"))
    assert [figure.size for figure in figures] == [(201, 151)] * 3
    assert all(figure.getpixel((100, 75))[0] > 200 for figure in figures)  # type: ignore[index]
    known = [number.get(f"{WORD}numId") for number in lists.iter(f"{WORD}num")]
    used = {number.get(f"{WORD}val") for number in tree.iter(f"{WORD}numId")}
    assert len(used) == 3
    assert used < set(known)
    assert len(known) == len(set(known))
    for tag in ("bookmarkStart", "bookmarkEnd"):
        numbers = [mark.get(f"{WORD}id") for mark in tree.iter(f"{WORD}{tag}")]
        assert len(numbers) == len(set(numbers))
    size = next(tree.iter(f"{DRAWING}ext"))
    assert int(str(size.get("cx"))) / int(str(size.get("cy"))) == pytest.approx(201 / 151, abs=0.01)


@needs_pandoc
def test_what_looks_like_a_name_or_number_of_the_file_stays_as_the_page_says_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(docx, "_PORTION", 1)
    text = 'w:numId w:val="1001" r:id="rId20" <w:sectPr <w:body> descr="data:x" Target="media/rId1.jpg"'
    tree, _ = word(write_docx(DrawnJob(tmp_path, page(text), page(text, 2))))
    for piece in ('w:val="1001"', 'r:id="rId20"', "<w:sectPr", "<w:body>", 'descr="data:x"', 'Target="media/rId1.jpg"'):
        assert text_of(tree).count(piece) == 2
