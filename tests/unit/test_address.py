import socket
from ipaddress import ip_address
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocr_celery.errors import AddressRefused, BadUrl, DownloadFailed, DownloadTimeout, OcrError
from ocr_celery.fetch.address_policy import AllowList, is_special
from ocr_celery.fetch.download import Downloader


def is_literal(host: str) -> bool:
    try:
        socket.inet_aton(host)  # as generous as the resolver: "127.1", "0x7f.1", "2130706433"
    except OSError:
        return ":" in host
    return True


@pytest.fixture(autouse=True)
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """No packet leaves: names resolve to what the test says, addresses as usual, and nothing connects."""
    known = {"localhost": ["127.0.0.1"]}
    resolve = socket.getaddrinfo

    def getaddrinfo(host: str, port: int, *args: Any, **kwargs: Any) -> Any:
        if is_literal(host):
            return resolve(host, port, *args, **kwargs)
        if host.rstrip(".") in known:
            return [found for one in known[host.rstrip(".")] for found in resolve(one, port, *args, **kwargs)]
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    def connect(self: socket.socket, to: Any) -> None:
        raise ConnectionRefusedError(f"a test connected to {to}")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    monkeypatch.setattr(socket.socket, "connect", connect)
    return known


def fetch(url: Any, *allow: str) -> bytes:
    return Downloader(timeout=5, max_bytes=1000, max_redirects=3, allow=allow).fetch(url)


PRIVATE = [
    "127.0.0.1",
    "127.1",
    "2130706433",
    "0x7f000001",
    "0x7f.1",
    "0177.0.0.1",
    "127.255.255.254",
    "0",
    "0.0.0.0",
    "10.1.2.3",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.0.1",
    "169.254.169.254",  # the metadata of cloud machines
    "168.63.129.16",  # Azure's own, though it is a public number
    "100.64.0.1",
    "100.100.100.200",
    "192.0.0.8",
    "192.88.99.1",
    "198.18.0.1",
    "203.0.113.5",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "[::]",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::ffff:169.254.169.254]",
    "[::127.0.0.1]",
    "[::ffff:0:127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[64:ff9b:1::7f00:1]",
    "[2002:7f00:1::]",
    "[2001:0:4136:e378:8000:63bf:80ff:fffe]",
    "[2001:db8::1]",
    "[3fff::1]",
    "[fc00::1]",
    "[fd00:ec2::254]",
    "[fe80::1]",
    "[fec0::1]",
    "[ff02::1]",
    "[5f00::1]",
    "localhost",
    "LOCALHOST",
    "localhost.",
]


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("host", PRIVATE)
def test_a_special_address_is_refused_however_it_is_written(host: str, scheme: str) -> None:
    with pytest.raises(AddressRefused):
        fetch(f"{scheme}://{host}:8080/secret")


@pytest.mark.parametrize("address", ["10.0.0.7", "::ffff:10.0.0.7", "fd00::7", "169.254.169.254"])
def test_a_public_name_of_a_private_address_is_refused(names: dict[str, list[str]], address: str) -> None:
    names["inside.example.com"] = [address]
    with pytest.raises(AddressRefused, match=r"^inside\.example\.com is a private"):
        fetch("http://inside.example.com/?token=abc")


@pytest.mark.parametrize("host", ["93.184.215.14", "[2606:2800:21f:cb07:6820:80da:af6b:8b2c]", "files.example.com"])
def test_a_public_address_is_gone_to(names: dict[str, list[str]], host: str) -> None:
    names["files.example.com"] = ["93.184.215.14"]
    with pytest.raises(DownloadFailed, match="Could not connect"):  # the test refuses all connections
        fetch(f"http://{host}/page.png")


def test_a_name_is_resolved_once_and_that_address_is_gone_to(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    gone: list[str] = []
    resolve = socket.getaddrinfo

    def rebinding(host: str, port: int, *args: Any, **kwargs: Any) -> Any:
        if host != "rebind.example.com":
            return resolve(host, port, *args, **kwargs)
        asked.append(host)
        return resolve("93.184.215.14" if len(asked) == 1 else "127.0.0.1", port, *args, **kwargs)

    def connect(self: socket.socket, to: tuple[str, int]) -> None:
        gone.append(to[0])
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    monkeypatch.setattr(socket.socket, "connect", connect)
    with pytest.raises(DownloadFailed):
        fetch("http://rebind.example.com/")
    assert (len(asked), gone) == (1, ["93.184.215.14"])


def test_a_host_that_was_located_is_not_resolved_again(
    names: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    gone: list[str] = []

    def connect(self: socket.socket, to: tuple[str, int]) -> None:
        gone.append(to[0])
        raise ConnectionRefusedError

    monkeypatch.setattr(socket.socket, "connect", connect)
    names["files.example.com"] = ["93.184.215.14"]
    downloader = Downloader(timeout=5, max_bytes=1000, max_redirects=3)
    address = downloader.resolve_host("https://files.example.com/")
    names.clear()
    with pytest.raises(DownloadFailed, match="Could not connect"):
        downloader.fetch("https://files.example.com/", address)
    assert gone == ["93.184.215.14"]


@pytest.mark.parametrize("host", PRIVATE)
def test_a_special_address_is_refused_to_a_host_that_was_located(names: dict[str, list[str]], host: str) -> None:
    downloader = Downloader(timeout=5, max_bytes=1000, max_redirects=3)
    with pytest.raises(AddressRefused):
        downloader.fetch(f"http://{host}/", downloader.resolve_host(f"http://{host}/"))


@pytest.mark.parametrize("late", [False, True])
def test_a_host_that_is_not_found_is_a_failed_download_or_one_that_took_too_long(
    monkeypatch: pytest.MonkeyPatch, late: bool
) -> None:
    monkeypatch.setattr("ocr_celery.fetch.download._SLOW_RESOLVER_SECONDS", -1 if late else 1000)
    with pytest.raises(DownloadTimeout if late else DownloadFailed, match=r"nowhere\.example"):
        Downloader(timeout=5, max_bytes=1000, max_redirects=3).resolve_host("http://nowhere.example/?token=abc")


@pytest.mark.parametrize(
    ("host", "allow"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("2130706433", "127.0.0.1"),
        ("10.9.8.7", "10.0.0.0/8"),
        ("files.internal", "files.internal"),
        ("FILES.internal.", "Files.Internal"),
        ("files.internal", "10.0.0.0/8"),
        ("[::1]", "::1"),
        ("[fd00::5]", "fd00::/8"),
        ("[::ffff:10.9.8.7]", "10.9.8.7"),
        ("[fec0::1]", "fec0::/10"),
    ],
)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_the_operator_can_allow_a_name_an_address_or_a_network(
    names: dict[str, list[str]], host: str, allow: str, scheme: str
) -> None:
    names |= {"files.internal": ["10.1.1.1"], "FILES.internal": ["10.1.1.1"]}
    with pytest.raises(DownloadFailed, match="Could not connect"):
        fetch(f"{scheme}://{host}/page.png", "unrelated.example", allow)


@pytest.mark.parametrize(
    ("host", "allow"),
    [
        ("127.0.0.1", "127.0.0.2"),
        ("11.0.0.1.files.internal", "files.internal"),
        ("evil.internal", "files.internal"),
        ("[64:ff9b::7f00:1]", "127.0.0.1"),
        ("[::127.0.0.1]", "127.0.0.1"),
    ],
)
def test_what_is_allowed_allows_nothing_else(names: dict[str, list[str]], host: str, allow: str) -> None:
    names |= {"evil.internal": ["10.1.1.1"], "11.0.0.1.files.internal": ["10.1.1.1"]}
    with pytest.raises(AddressRefused):
        fetch(f"http://{host}/", allow)


@pytest.mark.parametrize(
    "entry", ["10.0.0.0/99", "http://files.internal", "a b", "files:80", "1.2.3", "*.internal", "ü"]
)
def test_an_entry_of_the_allow_list_that_means_nothing_stops_the_start(entry: str) -> None:
    with pytest.raises(ValueError, match="no host name, address or network"):
        AllowList([entry])


@pytest.mark.parametrize(
    "url",
    [
        None,
        7,
        b"http://example.com/",
        ["http://example.com/"],
        "",
        " ",
        "http",
        "http:",
        "http:/",
        "http://",
        "http:///page.png",
        "http://?q",
        "http://:80/",
        "//example.com/",
        "example.com/page.png",
        "/etc/passwd",
        "file:///etc/passwd",
        "ftp://example.com/",
        "gopher://example.com/",
        "data:image/png;base64,aaaa",
        "javascript:alert(1)",
        "httpx://example.com/",
        "http+unix://%2Fvar%2Frun/",
        " http://example.com/",
        "http://example.com/ page.png",
        "http://exa mple.com/",
        "http://example.com/\r\nX: y",
        "http://example.com/\0",
        "http://example.com/\x7f",
        "http://example.com\\@127.0.0.1/",
        "http://example.com:port/",
        "http://example.com:0/",
        "http://example.com:65536/",
        "http://example.com:-1/",
        "http://[::1/",
        "http://[zz]/",
        "http://[::1]x/",
        "http://.example.com/",
        "http://*.example.com/",
        "http://１２７.０.０.１/",
        "http://127。0。0。1/",
        "http://[fe80::1%25lo]/",
        "http://[fe80::1%lo]/",
        "http://" + "a" * 64 + ".example.com/",
        "http://" + "a." * 200 + "com/",
        "http://ü" + "a" * 70 + ".example.com/",
        "http://xn--\udcff.example.com/",
        "http://\u2028.example.com/",
        "http://a..example.com/",
        "http://\ud800.example.com/",
        "http://example.com/" + "a" * 8192,
    ],
)
def test_what_is_no_web_address_is_a_bad_url(url: Any) -> None:
    with pytest.raises(BadUrl):
        fetch(url)


@pytest.mark.parametrize("who", ["user@", "user:pass@", ":@", "@", "example.com@", "example.com:80@", "a%40b@"])
def test_a_url_with_credentials_is_refused_whatever_host_they_imitate(who: str) -> None:
    with pytest.raises(BadUrl):
        fetch(f"http://{who}127.0.0.1/")


def test_a_dot_behind_an_address_does_not_hide_it() -> None:
    with pytest.raises(OcrError):  # how it is resolved is up to the system; it is not gone to
        fetch("http://127.0.0.1./")


def test_an_unknown_host_is_a_failed_download_whose_message_names_only_the_host() -> None:
    with pytest.raises(DownloadFailed, match=r"^The host nowhere\.example was not found\.$"):
        fetch("https://nowhere.example/path?token=abc")


@pytest.mark.parametrize("address", ["1.1.1.1", "93.184.215.14", "2606:4700::1111", "2a00:1450::1"])
def test_public_addresses_are_not_special(address: str) -> None:
    assert not is_special(ip_address(address))


ODD = st.text(alphabet="htps:/@.?#[]%\\ 01279xfa\u3002\uff11\xfc\0\ud800-_", max_size=40)


@settings(deadline=None)
@given(st.one_of(ODD, ODD.map("http://{}".format), ODD.map("https://{}/".format), st.text().map("http://{}".format)))
def test_no_string_raises_anything_but_a_refusal(url: str) -> None:
    with pytest.raises(OcrError):
        fetch(url)


@settings(deadline=None)
@given(st.ip_addresses().filter(is_special))
def test_no_special_address_is_ever_gone_to(address: Any) -> None:
    host = f"[{address}]" if address.version == 6 else str(address)
    with pytest.raises(AddressRefused):
        fetch(f"http://{host}/")
    with pytest.raises(AddressRefused):
        Downloader(timeout=5, max_bytes=1000, max_redirects=3).fetch("http://files.example.com/", address)
