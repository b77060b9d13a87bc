"""The words of the page for people: both languages have the same ones, and every error is said in both."""

import re

import pytest

from ocr_celery.errors import BY_NAME, OcrError
from web import problems
from web.user_interface import static_files

_ENTRY = re.compile(r'^  (\w+): "(.*)",$', re.MULTILINE)


def table(language: str, name: str) -> dict[str, str]:
    text = static_files()[f"words_{language}.js"].decode()
    inside = re.search(rf"export const {name} = {{\n(.*?)\n}};", text, re.DOTALL)
    assert inside
    found = dict(_ENTRY.findall(inside[1]))
    assert len(found) == len(inside[1].splitlines())
    return found


def test_both_languages_have_the_same_words() -> None:
    english, chinese = (
        {name for name in table(language, "WORDS") if not name.endswith("_one")} for language in ("en", "zh")
    )
    assert english == chinese


@pytest.mark.parametrize("language", ["en", "zh"])
def test_what_is_put_into_words_is_the_same(language: str) -> None:
    words, english = table(language, "WORDS"), table("en", "WORDS")
    for name, text in words.items():
        values = {*re.findall(r"\{(\w+)\}", english[name])}
        assert {*re.findall(r"\{(\w+)\}", text)} == values, name


def test_every_word_is_used() -> None:
    scripts = "".join(data.decode() for name, data in static_files().items() if re.fullmatch(r"(?!words_).*\.js", name))
    families = {name.replace("${", "").rstrip("_") for name in re.findall(r"[`\"](\w+_)\$\{", scripts)}
    for name in table("en", "WORDS"):
        family = any(name.startswith(f"{prefix}_") for prefix in families)
        assert family or f'"{name.removesuffix("_one")}"' in scripts, name


def test_every_error_has_chinese_words_and_english_ones_are_its_own() -> None:
    codes = {cls.code for cls in BY_NAME.values()}
    codes |= {cls.code for cls in vars(problems).values() if isinstance(cls, type) and issubclass(cls, OcrError)}
    asked_of_people = codes - {
        "not_found",
        "cross_site",
        "method_not_allowed",
        "refused",
        "failed",
    }  # no request of the page meets them
    assert asked_of_people <= set(table("zh", "PROBLEMS"))
