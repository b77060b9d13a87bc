"""A page goes to Redis with one system call, unless it is too large to be worth a copy."""

from collections.abc import Iterator
from typing import Any

import pytest

from ocr_celery.store import connect

SCRIPT = ("EVALSHA", "0123", 1, "{ocr}:a", "größe", 1700000000.25)


class Wire:
    """A connection to nowhere; `writes`: the bytes of each system call."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []
        self.connection: Any = connect("redis://127.0.0.1:1/0").connection_pool.make_connection()
        self.connection._sock = self

    def sendall(self, data: bytes) -> None:
        self.writes.append(data)

    def send(self, *commands: tuple[Any, ...]) -> list[bytes]:
        self.connection.send_packed_command(self.connection.pack_commands(commands), check_health=False)
        return self.writes

    def shutdown(self, how: int) -> None:
        """redis-py does so before it closes."""

    def close(self) -> None:
        """There is nothing to close."""


@pytest.fixture
def wire() -> Iterator[Wire]:
    wire = Wire()
    yield wire
    wire.connection.disconnect()


@pytest.mark.parametrize("size", [10, 100_000, 900_000])
def test_a_page_and_its_admission_are_one_write(wire: Wire, size: int) -> None:
    (written,) = wire.send(("SET", "a", b"x" * size), SCRIPT)
    assert written.count(b"x") == size
    assert written.endswith(b"$13\r\n1700000000.25\r\n")


def test_a_large_picture_is_not_copied(wire: Wire) -> None:
    picture = b"x" * 2_000_000
    assert any(written is picture for written in wire.send(("SET", "a", picture), SCRIPT))
