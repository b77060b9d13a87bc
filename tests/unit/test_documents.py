"""Documents: links lead somewhere, both READMEs show the same commands, and unit files run what the Procfile runs."""

import configparser
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted(path for pattern in ("*.md", "docs/**/*.md") for path in ROOT.glob(pattern))
LINK = re.compile(r"\]\(([^)\s]+)\)")
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def without_code(text: str) -> str:
    return re.sub(r"`[^`\n]*`", "", BLOCK.sub("", text))


def anchors(path: Path) -> set[str]:
    """The anchors of a page's headings, as code hosts make them."""
    headings = re.findall(r"^#+ (.+)$", BLOCK.sub("", text_of(path)), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def blocks(path: Path) -> list[str]:
    return [code for kind, code in BLOCK.findall(text_of(path)) if kind in ("sh", "python")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_existing_files_and_headings(page: Path) -> None:
    for link in LINK.findall(without_code(text_of(page))):
        if "://" in link:
            continue
        file, _, anchor = link.partition("#")
        target = (page.parent / file).resolve() if file else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("name", ["README.md", "README.zh.md"])
def test_readme_is_short(name: str) -> None:
    assert len(text_of(ROOT / name).splitlines()) <= 150


def test_every_page_is_named_in_the_readme_or_the_architecture() -> None:
    text = text_of(ROOT / "README.md") + text_of(ROOT / "docs/architecture.md")
    assert [page.name for page in (ROOT / "docs").glob("*.md") if page.name not in text] == []


def test_every_decision_is_in_their_index() -> None:
    index = text_of(ROOT / "docs/decisions/README.md")
    pages = sorted(page.name for page in (ROOT / "docs/decisions").glob("[0-9]*.md"))
    assert pages
    assert [name for name in pages if name not in index] == []


def test_modules_named_in_documents_exist() -> None:
    pages = [ROOT / "docs/architecture.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs/decisions").glob("*.md")]
    for page in pages:
        for name in re.findall(r"`((?:[\w]+/)+[\w]+\.(?:py|md))`", text_of(page)):
            places = (ROOT / name, ROOT / "ocr_celery" / name)
            assert name == "docs/threads.md" or any(place.exists() for place in places), (page.name, name)


def test_chinese_readme_shows_the_commands_that_are_tested() -> None:
    def lines(path: Path) -> list[str]:
        return [line.split("  #")[0].rstrip() for code in blocks(path) for line in code.splitlines() if line]

    tested = {line for page in PAGES if page.name != "README.zh.md" for line in lines(page)}
    assert set(lines(ROOT / "README.zh.md")) <= tested


def test_unit_files_run_what_the_procfile_runs() -> None:
    units = [code for kind, code in BLOCK.findall(text_of(ROOT / "docs/deployment.md")) if kind == "ini"]
    procfile = text_of(ROOT / "Procfile")
    commands = []
    for unit in units:
        parser = configparser.ConfigParser(interpolation=None, strict=False)
        parser.optionxform = str  # type: ignore[assignment,method-assign]
        parser.read_string(unit)
        if "Service" in parser:
            assert parser["Service"]["Restart"] == "always"
            commands.append(parser["Service"]["ExecStart"])
    assert len(commands) == 3
    for part in (
        "celery -A ocr_celery worker -n",
        "gunicorn -c python:web.gunicorn_conf web.wsgi:app",
        "flower --stay",
    ):
        assert sum(part in command for command in commands) == 1
    assert all(f"python -m {program}" in procfile for program in ("gunicorn", "celery", "ocr_celery.local.flower"))
