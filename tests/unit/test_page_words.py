"""The words of the page for people: both languages have the same ones, and every error is said in both."""

import re

from ocr_celery.errors import BY_NAME, OcrError
from web import problems
from web.user_interface import static_files


def table(name: str) -> dict[str, list[str]]:
    """What is written for each name of a table: once for each language."""
    text = static_files()["word_table.js"].decode()
    inside = re.search(rf"export const {name} = rows\(`\n(.*?)\n`\);", text, re.DOTALL)
    assert inside
    rows = [line.split("\t") for line in inside[1].splitlines()]
    found = {name: written for name, *written in rows}
    assert len(found) == len(rows)
    assert all(all(written) for written in found.values())
    return found


def words() -> dict[str, list[str]]:
    return table("WORDS")


def test_every_word_is_there_in_both_languages_unless_it_is_the_same() -> None:
    for name, both in words().items():
        if name.endswith("_one"):  # Chinese has one form for all numbers
            assert len(both) == 1
            assert len(words()[name.removesuffix("_one")]) == 2
        elif len(both) == 1:
            assert both[0] in ("Word", "Markdown", "JSON"), name
        else:
            english, chinese = both
            assert english != chinese, name


def test_what_is_put_into_words_is_the_same() -> None:
    for name, both in words().items():
        values = {tuple(sorted(set(re.findall(r"\{(\w+)\}", text)))) for text in both}
        assert len(values) == 1, name


def test_every_word_is_used() -> None:
    scripts = "".join(
        data.decode() for name, data in static_files().items() if name.endswith(".js") and name != "word_table.js"
    )
    families = {name.replace("${", "").rstrip("_") for name in re.findall(r"[`\"](\w+_)\$\{", scripts)}
    for name in words():
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
        "not_ready",
        "no_such_table",
    }  # no request of the page meets them
    assert asked_of_people <= set(table("PROBLEMS"))
