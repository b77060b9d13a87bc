"""What became of a page is stored as it is, whatever trouble Redis has meanwhile."""

import pytest
from celery import states
from celery.exceptions import BackendStoreError
from kombu.exceptions import OperationalError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ReadOnlyError, ResponseError

from ocr_celery.client import Client
from ocr_celery.core.status import Status
from ocr_celery.errors import EngineFailed
from ocr_celery.transport import current_result
from ocr_celery.transport.backend import Backend
from tests.testlib.processes import RedisServer, png

FULL = ResponseError("MISCONF Errors writing to the AOF file: No space left on device")


@pytest.fixture
def backend(redis: RedisServer) -> Backend:
    from ocr_celery.celery import process_app

    app = process_app()
    del redis
    found: Backend = app.backend
    return found


def caused_by(cause: Exception, error: Exception) -> Exception:
    """As libraries wrap what Redis says."""
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    "trouble",
    [
        caused_by(FULL, BackendStoreError("failed to store result")),
        caused_by(RedisConnectionError("away"), OperationalError("away")),
        FULL,
    ],
)
def test_a_page_is_not_failed_because_redis_had_trouble(client: Client, backend: Backend, trouble: Exception) -> None:
    id = client.submit_image(png())
    with current_result.bind({"text": "read"}), pytest.raises(type(trouble)):
        backend.mark_as_failure(id, trouble)
    assert client.look_up(id).status is Status.PENDING


def test_a_page_that_failed_is_failed(client: Client, backend: Backend) -> None:
    id = client.submit_image(png())
    failed = EngineFailed()
    with current_result.bind(failed):
        backend.mark_as_failure(id, failed)
    view = client.look_up(id)
    assert (view.status, view.error and view.error.code) == (Status.FAILED, "engine_failed")


def test_an_outcome_is_stored_however_often_redis_refuses_it_and_another_reader_is_told(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backend, "_sleep", lambda _: None)
    tries = iter([ReadOnlyError("read-only")] * 100)

    def store() -> str:
        for error in tries:
            raise error
        return states.SUCCESS

    with current_result.bind({"text": "read"}):
        assert backend._ensure_retryable(store) == states.SUCCESS
    tries = iter([ReadOnlyError("read-only")] * 100)
    with pytest.raises(ReadOnlyError):
        backend._ensure_retryable(store)
