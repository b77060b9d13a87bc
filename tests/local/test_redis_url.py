"""The URL of Redis that `make run` prints can be used as printed, and holds no password."""

import pytest

from ocr_celery.local.redis import redact_password


@pytest.mark.parametrize("url", ["redis+socket:///run/redis.sock", "redis://localhost:6379/0"])
def test_a_url_without_a_password_is_shown_as_it_is(url: str) -> None:
    assert redact_password(url) == url


def test_a_password_is_not_shown() -> None:
    assert redact_password("redis://user:secret@host:6379/1") == "redis://host:6379/1"
