"""Files in Redis keep the promises of every store of files."""

import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from redis.exceptions import TryAgainError

from ocr_celery.client import Client
from ocr_celery.consumer.stored_files import StoredFiles
from ocr_celery.core.status import Status
from ocr_celery.errors import StoreFull
from ocr_celery.store.files.contract import FileStore, NoSuchFile
from ocr_celery.store.files.in_redis import PART, RedisStore
from ocr_celery.store.keys import Keys
from ocr_celery.store.transient_errors import is_transient
from tests.testlib.file_store_contract import FileStoreContract
from tests.testlib.processes import RedisServer, Worker, final, keys, png, until
from tests.testlib.several_pages import tiff


class TestRedis(FileStoreContract):
    @pytest.fixture
    def store(self, redis: RedisServer) -> FileStore:
        return RedisStore(redis.client, keys)


@pytest.mark.parametrize("size", [10, 2 * PART])
def test_a_file_that_no_task_claims_expires(redis: RedisServer, size: int) -> None:
    RedisStore(redis.client, keys).put("one", b"x" * size)
    assert 3000 < redis.client.ttl(keys.blob("one")) <= 3600


@pytest.mark.parametrize("size", [10, 2 * PART])
def test_a_file_that_a_task_has_claimed_is_neither_replaced_nor_made_to_expire(redis: RedisServer, size: int) -> None:
    store, key = RedisStore(redis.client, keys), keys.blob("one")
    store.put("one", b"first")
    redis.client.persist(key)
    store.put("one", b"x" * size)
    assert store.get("one") == b"first"
    assert redis.client.ttl(key) == -1
    assert [file.name for file in store.list()] == ["one"]


def test_a_file_that_is_put_again_before_it_is_claimed_has_its_time_again(redis: RedisServer) -> None:
    store, key = RedisStore(redis.client, keys), keys.blob("one")
    store.put("one", b"x")
    redis.client.expire(key, 1)
    store.put("one", b"x")
    assert redis.client.ttl(key) > 3000


def test_a_file_is_there_whole_or_not_at_all_wherever_its_writer_stops(redis: RedisServer) -> None:
    store = RedisStore(redis.client, keys)
    store.put("there", b"first")
    seen = []
    writing = redis.client.setrange

    def look_and_write(*args: object) -> object:
        seen.append((redis.client.exists(keys.blob("new")), store.get("there")))
        return writing(*args)

    redis.client.setrange = look_and_write  # type: ignore[method-assign]
    try:
        for name in ("new", "there"):
            store.put(name, b"x" * 3 * PART)
            redis.client.delete(keys.blob("new"))
    finally:
        del redis.client.setrange
    assert seen == [(0, b"first")] * 6
    assert all(0 < redis.client.ttl(key) <= 3600 for key in redis.client.scan_iter(keys.file("*")))


def test_a_file_of_which_a_failover_lost_a_part_is_refused_as_an_outage(redis: RedisServer) -> None:
    store = RedisStore(redis.client, keys)
    writing = redis.client.setrange

    def lose_before_the_last(key: str, start: int, part: bytes) -> object:
        if not start:
            redis.client.delete(key)
        return writing(key, start, part)

    redis.client.setrange = lose_before_the_last  # type: ignore[method-assign]
    try:
        with pytest.raises(TryAgainError) as refused:
            store.put("one", b"x" * 2 * PART)
    finally:
        del redis.client.setrange
    assert is_transient(refused.value)
    assert list(store.list()) == []


def test_a_service_lists_its_own_files_only_whatever_its_name(redis: RedisServer) -> None:
    for queue in ("ocr", "ocr2", "o*", "[o]cr"):
        RedisStore(redis.client, Keys(queue)).put(f"of-{len(queue)}-{ord(queue[1])}", b"x")
    assert [found.name for found in RedisStore(redis.client, Keys("o*")).list()] == ["of-2-42"]
    assert [found.name for found in RedisStore(redis.client, Keys("[o]cr")).list()] == ["of-5-111"]


def test_a_file_deleted_while_it_is_fetched_is_missing_and_never_half(redis: RedisServer, tmp_path: Path) -> None:
    class Deleting(RedisStore):
        """Redis, in which another deletes the file after the first part."""

    store = Deleting(redis.client, keys)
    store.put("one", b"x" * 2 * PART)
    reading = redis.client.getrange

    def read_then_delete(*args: int) -> bytes:
        part: bytes = reading(*args)
        redis.client.delete(keys.blob("one"))
        return part

    redis.client.getrange = read_then_delete  # type: ignore[method-assign]
    try:
        with pytest.raises(NoSuchFile):
            store.fetch("one", tmp_path / "copy")
    finally:
        del redis.client.getrange


@pytest.mark.parametrize("room", [0, 3 * PART])
def test_a_redis_without_room_for_a_file_says_that_the_store_is_full_and_keeps_nothing_of_it(
    redis: RedisServer, room: int
) -> None:
    store = RedisStore(redis.client, keys)
    # four times the room: Redis also counts the buffers of its connections, of a part's size, and frees them when it likes
    file = b"x" * 12 * PART
    redis.client.config_set("maxmemory", redis.client.info("memory")["used_memory"] + room if room else 1)
    try:
        with pytest.raises(StoreFull):
            StoredFiles(store, store).put("one", file)
    finally:
        redis.client.config_set("maxmemory", 0)
    assert list(store.list()) == []


def test_a_document_that_a_full_redis_has_no_room_for_waits_and_holds_up_no_page(
    redis: RedisServer, client: Client, start_worker: Callable[..., Worker]
) -> None:
    worker = start_worker("w1", OCR_PREPARE_THREADS=1)
    worker.signal(signal.SIGSTOP)
    document = client.app.send_task("ocr.document", [tiff([101, 102])]).id
    pages = [client.submit_image(png()) for _ in range(3)]
    redis.client.config_set("maxmemory", 1)
    try:
        worker.signal(signal.SIGCONT)
        final(client, pages)
        until(lambda: "store of files full" in worker.log)
        assert not client.look_up(document).status.final
    finally:
        redis.client.config_set("maxmemory", 0)
    assert client.wait(document, timeout=60).status is Status.COMPLETED
