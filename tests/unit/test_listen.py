"""If the facade cannot listen, one line says why and what to do; another says who can reach it."""

import socket

import pytest

from ocr_celery import listen
from ocr_celery.local import LocalRunError, address
from ocr_celery.settings import Settings


def test_a_taken_port_a_wrong_host_and_a_free_one() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert listen.describe_bind_error("127.0.0.1", port) == f"port {port} is taken: set OCR_PORT to another one"
    assert listen.describe_bind_error("127.0.0.1", port) == ""
    assert "OCR_HOST=192.0.2.1" in listen.describe_bind_error("192.0.2.1", port)
    with pytest.raises(LocalRunError, match=r"OCR_HOST=192\.0\.2\.1 OCR_PORT=\d+: cannot listen there"):
        address.check_port_free(Settings(host="192.0.2.1", port=port))


@pytest.mark.parametrize("host", ["::", "[::]", "::1", "[::1]"])
def test_an_address_of_ipv6_may_have_its_brackets(host: str) -> None:
    settings = Settings(host=host, port=9999)
    assert settings.host == host.strip("[]")
    assert address.facade_url(settings) in ("http://[::1]:9999", "http://127.0.0.1:9999")


@pytest.mark.parametrize(
    ("host", "said"),
    [
        ("0.0.0.0", "from your network too, without a login; OCR_HOST=127.0.0.1 make run keeps it to this machine"),
        ("::", "from your network too"),
        ("192.168.1.7", "from your network too"),
        ("127.0.0.1", "from this machine only"),
        ("::1", "from this machine only"),
        ("localhost", "from this machine only"),
    ],
)
def test_who_can_reach_it(host: str, said: str) -> None:
    assert address.describe_reach(Settings(host=host)).startswith(said)
