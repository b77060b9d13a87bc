"""What is written about settings: generated from their descriptions, current, and true."""

import re
from pathlib import Path

import pytest

from docs import generate
from ocr_celery.settings import Settings

ROOT = Path(__file__).parents[2]
DEFAULTS = {generate.variable(name): generate.default(field) for name, field in Settings.model_fields.items()}
PAGES = sorted([*ROOT.glob("README*.md"), *ROOT.glob("docs/**/*.md")])
#: a second name of a setting
ALIASES = {"OCR_REDIS_URL"}


def defaults_in_tables(text: str) -> dict[str, str]:
    """The rows of tables that begin with a setting and its default."""
    rows = re.findall(r"^\| `((?:OCR_|REDIS_URL)\w*)` \|(.*?)(?<!\\)\| ", text, re.MULTILINE)
    return {name: value.strip(" `").replace("\\|", "|").replace("empty", "") for name, value in rows}


@pytest.mark.parametrize("name", generate.FILES)
def test_generated_file_is_current(name: str) -> None:
    current = (ROOT / name).read_text(encoding="utf-8")
    assert current == generate.FILES[name](), f"{name} is not current: run make docs"


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_has_a_description(name: str) -> None:
    assert Settings.model_fields[name].description


def test_every_section_begins_with_a_setting() -> None:
    assert set(generate.SECTIONS) <= set(Settings.model_fields)
    assert next(iter(generate.SECTIONS)) == next(iter(Settings.model_fields))


def test_settings_page_lists_every_setting_with_its_default() -> None:
    assert defaults_in_tables((ROOT / "docs" / "settings.md").read_text(encoding="utf-8")) == DEFAULTS


@pytest.mark.parametrize("name", ["README.md", "README.zh.md"])
def test_readme_shows_true_defaults(name: str) -> None:
    rows = defaults_in_tables((ROOT / name).read_text(encoding="utf-8"))
    assert len(rows) >= 5
    assert rows == {name: DEFAULTS.get(name) for name in rows}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_documents_name_no_setting_that_does_not_exist(page: Path) -> None:
    named = set(re.findall(r"\bOCR_[A-Z][A-Z_]*[A-Z]\b", page.read_text(encoding="utf-8")))
    assert named - ALIASES <= set(DEFAULTS)


def test_a_changed_description_makes_the_page_stale(monkeypatch: pytest.MonkeyPatch) -> None:
    before = generate.settings_page()
    monkeypatch.setattr(Settings.model_fields["port"], "description", "another text")
    assert generate.settings_page() != before
