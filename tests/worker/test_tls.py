"""A Redis behind TLS: `rediss://` is all it takes, its certificate is wanted, and trouble with it is said as that."""

import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from ocr_celery.client import Client
from ocr_celery.core.status import Status
from ocr_celery.errors import BrokerUnavailable
from ocr_celery.settings import Settings
from tests.testlib.processes import RedisServer, Worker, free_port, png, redis_binary, until


class TlsServer(RedisServer):
    """A Redis that speaks nothing but TLS, with a certificate of a private authority."""

    def __init__(self, folder: Path) -> None:
        self.port, self.ca = free_port(), folder / "ca.pem"
        self.url = f"rediss://127.0.0.1:{self.port}/0"
        self.files = folder
        self.client = Redis("127.0.0.1", self.port, ssl=True, ssl_ca_certs=str(self.ca))

    def start(self) -> None:
        options = {"tls-port": self.port, "port": 0, "bind": "127.0.0.1", "dir": self.files, "save": ""}
        options |= {"tls-cert-file": self.files / "cert.pem", "tls-key-file": self.files / "key.pem"}
        options |= {"tls-ca-cert-file": self.ca, "tls-auth-clients": "no", "maxmemory-policy": "noeviction"}
        command = [redis_binary(), *(word for name, value in options.items() for word in (f"--{name}", str(value)))]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            until(lambda: self._answers() or self.process.poll() is not None, what="Redis answers")
        except AssertionError:
            self.stop()
            raise
        if self.process.poll() is not None:
            assert self.process.stdout is not None
            said = self.process.stdout.read()
            self.process.stdout.close()
            pytest.skip(f"this Redis server has no TLS: {said[-200:]}")

    def stop(self, how: int = signal.SIGTERM) -> None:
        super().stop(how)
        assert self.process.stdout is not None
        self.process.stdout.close()
        self.client.close()


def certify(folder: Path) -> None:
    """ca.pem, cert.pem and key.pem, for 127.0.0.1."""
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1")
    key = ["-newkey", "rsa:2048", "-nodes"]
    signing = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "names", "-days", "2"]
    for arguments in (
        ["req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=an authority", "-days", "2"],
        ["req", *key, "-keyout", "key.pem", "-out", "request.pem", "-subj", "/CN=a server"],
        ["x509", "-req", "-in", "request.pem", *signing, "-out", "cert.pem"],
    ):
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TlsServer]:
    if shutil.which("openssl") is None:
        pytest.skip("openssl, which makes the certificates, is not installed")
    folder = tmp_path_factory.mktemp("tls")
    certify(folder)
    server = TlsServer(folder)
    server.start()
    yield server
    server.stop()


def test_a_bare_url_works_where_the_system_trusts_the_certificate(
    tls: TlsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tls.ca))
    worker = Worker("tls", tls.url, {})
    client = Client(Settings(redis_url=tls.url))
    try:
        worker.wait_ready()
        batch = client.submit_batch(["no address", "none either"])
        assert client.wait(client.submit_image(png()), timeout=60).status is Status.COMPLETED
        until(lambda: client.look_up_batch(batch).status.final, what="the batch is finished")
        assert "insecure" not in worker.log
    finally:
        worker.end()
        client.redis.close()


def test_a_certificate_that_is_not_trusted_is_said_and_nothing_is_sent(tls: TlsServer) -> None:
    tls.client.flushall()
    worker = Worker("tls", tls.url, {})
    client = Client(Settings(redis_url=tls.url))
    try:
        with pytest.raises(BrokerUnavailable, match=r"reached by TLS \(its certificate is not accepted"):
            client.submit_image(png())
        until(
            lambda: "waiting for Redis: TLS: its certificate is not accepted" in worker.log, what="the worker says so"
        )
        assert tls.client.keys("{ocr}:*") == []
    finally:
        worker.end()
        client.redis.close()


def test_tls_to_a_server_that_speaks_none_is_said_too(redis: RedisServer) -> None:
    client = Client(Settings(redis_url=redis.url.replace("redis://", "rediss://")))
    with pytest.raises(BrokerUnavailable, match="cannot be reached by TLS"):
        client.stats()
    client.redis.close()
