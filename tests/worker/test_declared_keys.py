"""Every key that a step in Lua touches stands in its KEYS, and every key of the service under its prefix."""

import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from uuid import uuid4

from redis import Redis

from ocr_celery.client import Client
from tests.testlib.celery_setup import until_settled
from tests.testlib.processes import RedisServer, Worker, keys, png, until


@contextmanager
def monitored(redis: RedisServer) -> Iterator[list[list[str]]]:
    """Every command while this is entered, those of scripts with "lua" in front."""
    commands: list[list[str]] = []
    end = uuid4().hex

    def listen() -> None:
        for said in monitor.listen():
            if end in said["command"]:
                return
            commands.append([*(["lua"] if said["client_type"] == "lua" else []), *said["command"].split()])

    # without a timeout: a worker that starts says nothing for long
    with closing(Redis(port=redis.port, socket_timeout=None)) as patient, patient.monitor() as monitor:
        thread = threading.Thread(target=listen)
        thread.start()
        try:
            yield commands
        finally:
            redis.client.echo(end)
            thread.join(30)


def undeclared(commands: list[list[str]]) -> set[tuple[str, str]]:
    """(command, key) of what scripts touched that was not in their KEYS."""
    found, declared = set(), set()
    for words in commands:
        if words[0].upper() == "EVALSHA":
            declared = set(words[3 : 3 + int(words[2])])
        if words[0].upper() == "EVAL":  # the words of the script, too: none of them is a whole key
            declared = set(words)
        if words[0] == "lua" and len(words) > 2 and words[1].upper() != "PUBLISH" and words[2] not in declared:
            found.add((words[1], words[2]))
    return found


def test_every_step_declares_the_keys_it_touches(
    client: Client, start_worker: Callable[..., Worker], redis: RedisServer
) -> None:
    settings = {"OCR_BATCH_SIZE": 2, "OCR_SCRIPTED_SECONDS": 1, "OCR_MAX_REREADS": 0, "OCR_CACHE_TTL": 60}
    with monitored(redis) as commands:
        worker = start_worker("w1", **settings)
        client.submit_image(png())
        client.store_image(png())
        batch = client.submit_batch(["http://10.0.0.1/", "no address", "http://10.0.0.2/"])
        client.submit_url("http://10.0.0.1/")
        client.cancel(client.submit_image(png()))
        client.forget(client.submit_image(png()))
        client.forget_batch(client.submit_batch(["http://10.0.0.1/", "no address"]))
        redis.client.lpush("ocr", "no message")
        until(lambda: redis.client.hlen(keys.inside("w1@test")), what="a page is in the engine")
        worker.kill()
        start_worker("w2", **settings)
        until(lambda: client.look_up_batch(batch).status.final, timeout=120, what="the batch is finished")
        client.forget(client.wait(client.submit_image(png()), timeout=60).id)
        until_settled(redis)
    assert sum(words[0] == "lua" for words in commands) > 50
    assert undeclared(commands) == set()
