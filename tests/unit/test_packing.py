"""Commands of a pipeline go to Redis in the form in which redis-py writes them."""

from typing import Any

import pytest
from redis import DataError
from redis.connection import Connection

from ocr_celery.store import connect

STORE = ("SET", "a key", b"\x00\xff" * 5000, "EX", 60, "NX")
SCRIPT = ("EVALSHA", "0123", 2, "{ocr}:a", "größe", 1700000000.25, "", memoryview(b"seen"))


def connection() -> Any:
    """One that leads nowhere."""
    return connect("redis://127.0.0.1:1/0").connection_pool.make_connection()


@pytest.mark.parametrize(
    "commands",
    [[STORE, SCRIPT], [("SCRIPT EXISTS", "0123")], [("PING",)], [("SET", "a", b"x" * 2_000_000), SCRIPT]],
    ids=["pipeline", "two words", "no argument", "large"],
)
def test_commands_are_written_as_redis_py_writes_them(commands: list[Any]) -> None:
    one = connection()
    assert b"".join(one.pack_commands(commands)) == b"".join(Connection.pack_commands(one, commands))


def test_a_page_is_handed_over_in_one_piece() -> None:
    assert len(connection().pack_commands([STORE, SCRIPT])) == 1


def test_a_large_picture_is_not_copied() -> None:
    picture = b"x" * 2_000_000
    assert any(piece is picture for piece in connection().pack_commands([("SET", "a", picture)]))


@pytest.mark.parametrize("value", [None, True, ["a"]])
def test_what_redis_cannot_store_is_refused(value: Any) -> None:
    with pytest.raises(DataError):
        connection().pack_commands([("SET", "a", value)])
