"""A Redis that takes no writes any more is left for whatever its address leads to, and no page is lost between the two."""

from collections.abc import Iterator

import pytest
from kombu import Connection

from ocr_celery.client import Client
from ocr_celery.settings import Settings
from ocr_celery.transport.broker import Transport
from tests.testlib.celery_setup import until_settled
from tests.testlib.processes import RedisServer, Worker, final, keys, png, until
from tests.testlib.tcp_proxy import Proxy


@pytest.fixture
def successor(redis: RedisServer) -> Iterator[RedisServer]:
    """A replica that is up to date."""
    server = RedisServer()
    server.start()
    server.client.execute_command("REPLICAOF", "127.0.0.1", redis.port)
    until(lambda: server.client.info("replication")["master_link_status"] == "up", what="it is up to date")
    yield server
    server.client.connection_pool.disconnect()
    server.stop()
    server.folder.cleanup()


@pytest.fixture
def proxy(redis: RedisServer) -> Iterator[Proxy]:
    proxy = Proxy(redis.port)
    yield proxy
    proxy.close()


@pytest.fixture
def worker(proxy: Proxy) -> Iterator[Worker]:
    worker = Worker("w1", proxy.url, {"OCR_SCRIPTED_SECONDS": 0.05})
    worker.wait_ready()
    yield worker
    worker.end()


def as_a_worker(redis: RedisServer) -> Connection:
    options = {"service_queue": "ocr", "unacked_key": keys.unacked("w1@test")}
    return Connection(redis.url, transport=Transport, transport_options=options)


def replicated(server: RedisServer) -> int:
    return int(server.client.info("replication")["master_repl_offset"])


def test_a_worker_follows_to_the_successor_of_a_redis_that_has_become_its_replica(
    client: Client, redis: RedisServer, successor: RedisServer, proxy: Proxy, worker: Worker
) -> None:
    final(client, [client.submit_image(png(90))])
    ids = [client.submit_image(png(100 + number)) for number in range(20)]
    until(lambda: replicated(successor) >= replicated(redis), what="the replica has them")
    proxy.lead_to(successor.port)  # connections that there are still lead to the old one
    successor.client.execute_command("REPLICAOF", "NO", "ONE")
    redis.client.execute_command("REPLICAOF", "127.0.0.1", successor.port)
    try:
        after = Client(Settings(redis_url=successor.url, max_queue_size=10_000))
        ids += [after.submit_image(png(120 + number)) for number in range(20)]
        views = final(after, ids)
        assert [view.result and view.result["width"] for view in views] == [100 + number for number in range(40)]
        until_settled(successor)
        assert worker.process.poll() is None
        after.redis.close()
    finally:
        redis.client.execute_command("REPLICAOF", "NO", "ONE")


def test_a_worker_outlasts_a_redis_that_wants_replicas_and_has_none(
    client: Client, redis: RedisServer, worker: Worker
) -> None:
    redis.client.config_set("min-replicas-to-write", 1)
    try:
        until(
            lambda: "cannot take messages" in worker.log and "lease thread: Redis unavailable" in worker.log,
            what="it has met that",
        )
    finally:
        redis.client.config_set("min-replicas-to-write", 0)
    (view,) = final(client, [client.submit_image(png())])
    assert view.result is not None
    until_settled(redis)
    assert worker.process.poll() is None


def test_a_message_that_is_acknowledged_where_the_end_of_its_task_was_lost_goes_back(
    client: Client, redis: RedisServer
) -> None:
    id = client.submit_image(png())
    with as_a_worker(redis) as connection:
        message = connection.default_channel.basic_get("ocr")
        message.ack()
    assert redis.client.llen("ocr") == 1
    redis.client.hset(keys.task(id), "state", "SUCCESS")
    with as_a_worker(redis) as connection:
        message = connection.default_channel.basic_get("ocr")
        assert message.properties["deliveries"] == 1
        message.ack()
    assert not redis.client.llen("ocr")
    assert not list(redis.client.scan_iter(keys.prefix + "unacked*"))
