"""Names of results: from whatever a caller named its file, and never more than one header."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.http import parse_options_header

from web.file_names import content_disposition, result_name


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("report.pdf", "report.md"),
        ("my report.final.tiff", "my report.final.md"),
        ("https://example.com/a/b%20c.jpg", "b c.md"),
        ("https://example.com/", "result.md"),
        ("", "result.md"),
        ("C:\\scans\\x.png", "x.md"),
        ("../../etc/passwd", "passwd.md"),
        ("报告.pdf", "报告.md"),
        ('a"\r\nX: y', "a_ X_ y.md"),
        ("…", "result.md"),
        (".pdf", "result.md"),
        ("x" * 119 + "…", "x" * 100 + ".md"),
    ],
)
def test_a_result_is_called_like_what_was_read(source: str, name: str) -> None:
    assert result_name(source, ".md") == name


def test_a_name_beyond_ascii_is_given_in_both_forms() -> None:
    assert content_disposition("a.md") == 'inline; filename="a.md"'
    assert content_disposition("Größe.md") == "inline; filename=\"Groe.md\"; filename*=UTF-8''Gr%C3%B6%C3%9Fe.md"
    assert content_disposition("图 1.md") == "inline; filename=\"1.md\"; filename*=UTF-8''%E5%9B%BE%201.md"
    assert content_disposition("报告.md", "attachment") == (
        "attachment; filename=\"result.md\"; filename*=UTF-8''%E6%8A%A5%E5%91%8A.md"
    )


@given(st.text())
def test_any_name_is_one_header_that_gives_it_back(source: str) -> None:
    name = result_name(source, ".md")
    header = content_disposition(name)
    assert re.fullmatch(r"[ -~]+", header)
    kind, options = parse_options_header(header)
    assert kind == "inline"
    assert options["filename"] == name.encode("utf-8", "replace").decode()
    assert not re.search(r'[/\\"]', name)
