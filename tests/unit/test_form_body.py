"""A multipart form is read whole or refused: its fields come out as they were sent, whatever a body holds."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.test import encode_multipart

from web.form_body import MAX_FIELDS, FormField, MalformedForm, TooManyFields, boundary_of, parse_form

BOUNDARY = b"----WebKitFormBoundary7MA4YWxkTrZu0gW"
unhurried = settings(deadline=None, database=None)

names = st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters='"\\%'), max_size=40)

datas = st.binary(max_size=200) | st.sampled_from(
    [b"", b"\r\n", b"\r", b"--", b"\r\n--", b"\r\n-", b"\n--" + BOUNDARY[:-1]]
)
fields = st.builds(FormField, names, st.none() | names, datas)
forms = st.lists(fields, max_size=MAX_FIELDS)


def encode(form: list[FormField]) -> bytes:
    """The form as browsers and curl write it."""
    body = b""
    for field in form:
        filename = "" if field.filename is None else f'; filename="{field.filename}"\r\nContent-Type: image/png'
        head = f'Content-Disposition: form-data; name="{field.name}"{filename}'
        body += b"--" + BOUNDARY + b"\r\n" + head.encode() + b"\r\n\r\n" + field.data + b"\r\n"
    return body + b"--" + BOUNDARY + b"--\r\n"


@unhurried
@given(forms)
def test_a_whole_form_comes_out_as_it_was_sent(form: list[FormField]) -> None:
    assert parse_form(encode(form), BOUNDARY) == form


@unhurried
@given(forms.filter(bool), st.data())
def test_a_form_that_ends_half_way_is_refused(form: list[FormField], data: st.DataObject) -> None:
    whole = encode(form).removesuffix(b"--\r\n")
    with pytest.raises(MalformedForm):
        parse_form(whole[: data.draw(st.integers(0, len(whole)))], BOUNDARY)


def _drop(body: bytes, at: int, _: bytes) -> bytes:
    return body[:at] + body[at + 1 :]


def _insert(body: bytes, at: int, piece: bytes) -> bytes:
    return body[:at] + piece + body[at:]


def _replace(body: bytes, at: int, piece: bytes) -> bytes:
    return body[:at] + piece + body[at + len(piece) :]


def _repeat(body: bytes, at: int, _: bytes) -> bytes:
    return body[:at] + body


pieces = st.binary(max_size=4) | st.sampled_from(
    [
        *(
            b"\r\n",
            b"\r\n\r\n",
            b"\n",
            b"\r",
            b"--" + BOUNDARY,
            b"--" + BOUNDARY + b"\r\n",
            b'"',
            b"\\",
            b";",
            b":",
            b"\xff",
        ),
        *(
            b"filename*=utf-8''%FF; ",
            b"Content-Length: 7\r\n",
            b"Content-Length: -1\r\n",
            b" folded\r\n",
            b"name=",
            b"*0*=",
        ),
    ]
)
mutations = st.lists(
    st.tuples(st.sampled_from([_drop, _insert, _replace, _repeat]), st.integers(0, 10_000), pieces),
    min_size=1,
    max_size=5,
)


@unhurried
@given(forms, mutations)
def test_a_damaged_form_is_read_or_refused(
    form: list[FormField], mutations: list[tuple[Callable[[bytes, int, bytes], bytes], int, bytes]]
) -> None:
    body = encode(form)
    for mutate, at, piece in mutations:
        body = mutate(body, at % (len(body) + 1), piece)
    try:
        found = parse_form(body, BOUNDARY)
    except (MalformedForm, TooManyFields):
        return
    assert len(found) <= MAX_FIELDS
    assert sum(len(field.data) for field in found) <= len(body)


@unhurried
@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    try:
        parse_form(body, b"b")
    except (MalformedForm, TooManyFields):
        return


@pytest.mark.parametrize(
    "line",
    [
        b'X: "' + b"\\" * 8000,
        b"Content-Type: x" + b'; a="\\' * 1500,
        b"Content-Type: x;" + b" " * 8000,
        b"Content-Type: x;" + b"a" * 8000,
    ],
    ids=["quotes", "open quotes", "spaces", "letters"],
)
def test_headers_of_the_largest_size_are_read(line: bytes) -> None:
    head = b'Content-Disposition: form-data; name="x"\r\n' + (line[:8192] + b"\r\n") * 7
    body = (b"--b\r\n" + head + b"\r\n1\r\n") * MAX_FIELDS + b"--b--\r\n"
    assert parse_form(body, b"b") == [FormField("x", None, b"1")] * MAX_FIELDS


@pytest.mark.parametrize(
    "head",
    [
        b"X: " + b"x" * 10_000,
        b"X: y\r\n" * 9,
        b"Content-Type: text/plain",
        b"Content-Disposition: attachment; name=x",
        b"Content-Disposition: form-data",
        b"no header",
        b"Content-Disposition: form-data; name=x\r\nContent-Length: 5",
    ],
    ids=["too long", "too many", "no disposition", "another disposition", "no name", "no colon", "another length"],
)
def test_a_field_with_malformed_headers_is_refused(head: bytes) -> None:
    with pytest.raises(MalformedForm):
        parse_form(b"--b\r\n" + head + b"\r\n\r\n1\r\n--b--\r\n", b"b")


@pytest.mark.parametrize("where", [0, 1, 2], ids=["first", "middle", "last"])
def test_an_empty_field_may_have_one_line_break_for_two(where: int) -> None:
    texts = {"a": "1", "b": "2", "c": "3"} | {"abc"[where]: ""}
    body = encode_multipart(texts, boundary="b")[1]
    assert b"\r\n\r\n--b" in body
    assert b"\r\n\r\n\r\n--b" not in body
    assert [(field.name, field.data.decode()) for field in parse_form(body, b"b")] == [*texts.items()]


def test_more_fields_than_any_call_has_are_refused() -> None:
    form = [FormField(str(n), None, b"1") for n in range(MAX_FIELDS)]
    assert parse_form(encode(form), BOUNDARY) == form
    with pytest.raises(TooManyFields):
        parse_form(encode([*form, form[0]]), BOUNDARY)


@pytest.mark.parametrize(
    ("written", "filename"),
    [
        ('filename="a%22b.png"', 'a"b.png'),
        (r'filename="a\"b.png"', 'a"b.png'),
        ("filename*=utf-8''%C3%BC.png", "ü.png"),
        ("filename=\"u.png\"; filename*=utf-8''%C3%BC.png", "ü.png"),
        ("filename=plain.png", "plain.png"),
        ('filename=""', ""),
        (r'filename="C:\\pages\\1.png"', "1.png"),
    ],
)
def test_the_file_name_is_read_in_every_way_that_clients_write_it(written: str, filename: str) -> None:
    head = f'--b\r\nContent-Disposition: form-data; name="file"; {written}\r\n\r\nx\r\n--b--\r\n'
    assert parse_form(head.encode(), b"b") == [FormField("file", filename, b"x")]


@pytest.mark.parametrize(
    ("content_type", "boundary"),
    [
        ("multipart/form-data; boundary=abc", b"abc"),
        ('multipart/form-data; charset=utf-8; boundary="a b"', b"a b"),
        ("multipart/form-data; boundary=" + "x" * 200, b"x" * 200),
    ],
)
def test_the_boundary_is_read_from_the_content_type(content_type: str, boundary: bytes) -> None:
    assert boundary_of(content_type) == boundary


@pytest.mark.parametrize(
    "rest", ["", "; boundary=", '; boundary=""', "; boundary=" + "x" * 201, '; boundary="ü"', "; boundary"]
)
def test_a_content_type_without_a_proper_boundary_is_refused(rest: str) -> None:
    with pytest.raises(MalformedForm):
        boundary_of("multipart/form-data" + rest)


def test_a_large_file_is_read_whole() -> None:
    page = b"\r\n--b\r" * 700_000
    body = encode([FormField("file", "p.png", page), FormField("prompt", None, b"Free OCR.")])
    assert [field.data for field in parse_form(body, BOUNDARY)] == [page, b"Free OCR."]
