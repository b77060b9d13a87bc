"""URLs are accepted and refused in the same way where they are sent and where they are fetched."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocr_celery.core.url_syntax import MAX_URL, check_url
from ocr_celery.errors import BadUrl
from ocr_celery.fetch.download import Downloader
from tests.testlib.effort import examples

MALFORMED: list[Any] = [
    *("", " ", "page.png", "/page.png", "//example.com/", "http:/example.com", "http://", "http:///x", "https://?a=b"),
    *("ftp://example.com/", "file:///etc/passwd", "data:image/png;base64,AAAA", "javascript:alert(1)", "blob:x"),
    *("http://[", "http://[::1", "http://[zz]/", "http://[::1]x/", "http://[fe80::1%25lo]/", "http://[::1::]/"),
    *(
        "http://a:port/",
        "http://a:0/",
        "http://a:65536/",
        "http://a:-1/",
        "http://a b/",
        "http://a/b c",
        "http://a/\r\nX: y",
    ),
    *("http://a/\0", "http://a/\x7f", "http://a\\@b/", "http://.a/", "http://a..b/", "http://*.a/", "http://a%41/"),
    *("http://user@a/", "http://user:pass@a/", "http://" + "a" * 64 + "/", "http://" + "a." * 200 + "b/"),
    *("http://a\u2100b/", "http://\ud800/", "http://a/" + "x" * MAX_URL),
    *(None, 5, 1.5, True, [], {}, ["http://a/"], b"http://a/"),
]
WELL_FORMED = [
    *(
        "http://a",
        "HTTPS://EXAMPLE.COM:443/a/b?c=d&e=%20#f",
        "http://a/?q=http://[",
        "http://127.0.0.1:8080/",
        "http://[::1]:80/",
    ),
    *(
        "http://a_b.example/",
        "http://a./",
        "http://例え.jp/画像.png",
        "http://bücher.example/",
        "http://a/\ud800",
        "http://a/ü",
    ),
]


@pytest.mark.parametrize("url", MALFORMED, ids=lambda url: ascii(url)[:30])
def test_what_is_no_web_address_is_refused(url: Any) -> None:
    with pytest.raises(BadUrl):
        check_url(url)


@pytest.mark.parametrize("url", WELL_FORMED, ids=lambda url: ascii(url)[:30])
def test_what_may_be_a_web_address_is_taken(url: str) -> None:
    assert check_url(url) == url


def test_a_url_is_never_repeated_in_the_refusal() -> None:
    for url in MALFORMED:
        with pytest.raises(BadUrl) as refused:
            check_url(url)
        assert not url or not isinstance(url, str) or url == " " or url not in refused.value.message


ODD = st.text(alphabet="htps:/@.?#[]%\\ 01279xfa\u3002\uff11\xfc\0\ud800-_", max_size=40)


@examples(300)
@given(st.one_of(ODD, ODD.map("http://{}".format), ODD.map("https://{}/".format), st.text().map("http://{}".format)))
def test_any_text_is_taken_or_refused_and_what_is_refused_would_not_be_fetched(url: str) -> None:
    refused: tuple[Any, ...] = ()
    try:
        check_url(url)
    except BadUrl as refusal:
        refused = refusal.args
    if refused:
        with pytest.raises(BadUrl) as fetched:
            Downloader(timeout=1, max_bytes=1, max_redirects=0).fetch(url)
        assert fetched.value.args == refused
