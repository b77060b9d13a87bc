"""Files in Redis keep the promises of every store of files."""

from pathlib import Path

import pytest

from ocr_celery.store.files.contract import FileStore, NoSuchFile
from ocr_celery.store.files.in_redis import PART, RedisStore
from ocr_celery.store.keys import Keys
from tests.testlib.file_store_contract import FileStoreContract
from tests.testlib.processes import RedisServer, keys


class TestRedis(FileStoreContract):
    @pytest.fixture
    def store(self, redis: RedisServer) -> FileStore:
        return RedisStore(redis.client, keys)


@pytest.mark.parametrize("size", [10, 2 * PART])
def test_a_file_that_no_task_claims_expires(redis: RedisServer, size: int) -> None:
    RedisStore(redis.client, keys).put("one", b"x" * size)
    assert 3000 < redis.client.ttl(keys.blob("one")) <= 3600


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
