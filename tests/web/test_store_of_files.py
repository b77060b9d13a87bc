"""With a store of its own an uploaded file lies there before it is admitted; what is refused leaves nothing behind."""

import errno
import os
from io import BytesIO
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from ocr_celery.client import Client
from ocr_celery.errors import BrokerUnavailable
from ocr_celery.settings import Settings
from ocr_celery.store.files.in_redis import PART
from tests.testlib.processes import RedisServer, keys, png
from tests.testlib.worker_double import Facade, Queued


def upload(http: FlaskClient) -> tuple[int, dict[str, str]]:
    answer = http.post("/ocr", data={"file": (BytesIO(png()), "page.png")})
    return answer.status_code, answer.json


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


def client(redis: RedisServer, **settings: str) -> Client:
    """Of a process of another service."""
    return Client(Settings(redis_url=redis.url, batch_size=1, **settings))


def test_an_uploaded_file_lies_in_the_store_and_not_in_redis(
    facade: Facade, redis: RedisServer, queued: Queued, tmp_path: Path
) -> None:
    status, answer = upload(facade(store=f"file://{tmp_path}"))
    assert status == 202
    id = answer["task_id"]
    assert queued() == [("ocr.image", f"file:{id}", {})]
    assert (tmp_path / "ocr" / id).read_bytes() == png()
    assert redis.client.keys(keys.file("*")) == []


def test_what_a_full_queue_refuses_is_gone_from_the_store(
    facade: Facade, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    http = facade(store=f"file://{tmp_path}", max_queue_size=1)
    upload(http)
    monkeypatch.setattr(Client, "_refuse_early", lambda _: None)  # as where the last place is taken meanwhile
    assert upload(http) == (
        503,
        {"detail": "Service is at full capacity. Please try again later.", "code": "queue_full"},
    )
    assert len(names(tmp_path / "ocr")) == 1


def test_a_file_whose_admission_is_unknown_stays_for_the_worker(
    facade: Facade, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(*_: object, **__: object) -> None:
        raise BrokerUnavailable

    monkeypatch.setattr(Client, "_accept", lost)
    assert upload(facade(store=f"file://{tmp_path}"))[0] == 503
    assert len(names(tmp_path / "ocr")) == 1


def test_a_full_disk_and_a_store_that_is_away_refuse_with_their_codes(
    facade: Facade, redis: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    http = facade(store=f"file://{tmp_path}")
    with monkeypatch.context() as disk:
        disk.setattr(os, "fsync", full)
        answer = http.post("/ocr", data={"file": (BytesIO(png()), "page.png")})
    assert (answer.status_code, answer.json["code"]) == (507, "store_full")
    assert int(answer.headers["Retry-After"]) > 0
    assert names(tmp_path / "ocr") == []
    (tmp_path / "file").write_bytes(b"")
    answer = facade(store=f"file://{tmp_path}/file/x").post("/ocr", data={"file": (BytesIO(png()), "page.png")})
    assert (answer.status_code, answer.json["code"]) == (503, "store_unavailable")
    assert redis.client.llen("ocr") == 0


def test_a_client_of_another_service_uses_the_store_only_where_its_own_settings_name_it(
    redis: RedisServer, queued: Queued, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    mine, other = f"file://{tmp_path}/mine", f"file://{tmp_path}/other"
    facts = Settings(batch_size=1, store=mine).facts()
    client(redis).record.publish("worker", facts.record(now=1e11))
    ids = [client(redis, **given).submit_image(png()) for given in ({}, {"store": other}, {"store": mine})]
    assert [source for _, source, _ in queued()] == [f"blob:{ids[0]}", f"blob:{ids[1]}", f"file:{ids[2]}"]
    assert f"OCR_STORE={other} is not the store of the service, {mine}" in caplog.text
    assert names(tmp_path / "mine" / "ocr") == [ids[2]]


def test_a_large_file_travels_to_redis_in_parts_and_is_admitted_whole(redis: RedisServer, queued: Queued) -> None:
    data = os.urandom(2 * PART + 1)
    id = client(redis).submit_image(data)
    assert queued() == [("ocr.image", f"blob:{id}", {})]
    assert redis.client.get(keys.blob(id)) == data
    assert redis.client.ttl(keys.blob(id)) == -1
