"""Cancelled at any moment, with the worker up, killed or away: final at once, nothing revived, nothing left over."""

import os
import random
import threading
import time
from collections.abc import Callable

import pytest
from celery.result import AsyncResult

from ocr_celery.client import Client
from ocr_celery.core.status import Status
from ocr_celery.errors import TaskNotFound
from tests.testlib.celery_setup import settled
from tests.testlib.image_server import Origin
from tests.testlib.processes import RedisServer, Worker, keys, png, until

ROUNDS = int(os.environ.get("CANCEL_ROUNDS", "8"))
SETTINGS = {"OCR_BATCH_SIZE": 2, "OCR_SCRIPTED_SECONDS": 0.1, "OCR_SCRIPTED_SPREAD": 0.2, "OCR_SCRIPTED_HANG": "hang"}


class Round:
    """Some pages and a batch are sent, and cancelled or forgotten after a random while."""

    def __init__(self, client: Client, origin: Origin, chance: random.Random) -> None:
        self.client, self.chance = client, chance
        urls = [origin.page(chance.randint(20, 200)) for _ in range(chance.randint(1, 6))]
        self.batch = client.submit_batch([*urls, "nowhere"])
        self.ids = [client.submit_image(png(), prompt=f"<image>{chance.choice(('', 'hang'))}") for _ in range(4)]
        self.parts = [task.id for _, task in client.look_up_batch(self.batch).items]

    def cancel(self) -> dict[str, Status]:
        """Cancel all, and answer how each stands: final."""
        for id in self.ids:
            assert self.client.cancel(id).status.final
        items = self.client.cancel_batch(self.batch).items
        return {id: self.client.look_up(id).status for id in self.ids} | {task.id: task.status for _, task in items}

    def collected(self) -> dict[str, int]:
        """What `ocr.collect` says of the batch."""
        found: dict[str, int] = until(lambda: AsyncResult(self.batch, app=self.client.app).result, what="collected")
        return found

    def forget(self) -> None:
        for id in self.ids:
            self.client.forget(id)
        self.client.forget_batch(self.batch)

    def assert_forgotten(self) -> None:
        for id in [*self.ids, *self.parts]:
            with pytest.raises(TaskNotFound):
                self.client.look_up(id)
        with pytest.raises(TaskNotFound):
            self.client.look_up_batch(self.batch)
        redis = self.client.redis
        left = [
            id for id in (*self.ids, *self.parts, self.batch) for k in (keys.meta, keys.blob) if redis.exists(k(id))
        ]
        assert not left
        assert not redis.exists(keys.batch(self.batch))


def test_at_a_random_moment(
    client: Client, redis: RedisServer, start_worker: Callable[..., Worker], origin: Origin
) -> None:
    seed = int(os.environ.get("CANCEL_SEED", time.time_ns()))
    print(f"CANCEL_SEED={seed}")
    chance, slowest = random.Random(seed), 0.0
    worker = start_worker("w0", **SETTINGS)
    for number in range(ROUNDS):
        sent = Round(client, origin, chance)
        dies = chance.random() < 0.25
        killer = threading.Timer(chance.uniform(0, 0.5), worker.kill) if dies else None
        if killer is not None:
            killer.start()
        threading.Event().wait(chance.uniform(0, 0.5))
        forgets_at_once = chance.random() < 0.3
        stands = {} if forgets_at_once else sent.cancel()
        assert all(status.final for status in stands.values())
        if forgets_at_once:
            sent.forget()
        if killer is not None:
            killer.join()
            worker = start_worker(f"w{number + 1}", **SETTINGS)
        began = time.monotonic()
        until(lambda: settled(redis), what=f"round {number}: all messages are taken")
        if stands:
            result = sent.collected()
            read = sum(stands[id] is Status.COMPLETED for id in sent.parts)
            assert (result["completed"], result["total"]) == (read, len(sent.parts)), f"round {number}"
            assert {id: client.look_up(id).status for id in stands} == stands, f"round {number}: nothing is revived"
        slowest = max(slowest, time.monotonic() - began)
        sent.forget()
        sent.assert_forgotten()
    until(lambda: settled(redis), what="nothing is left to do")
    print(f"{ROUNDS} rounds, settled after {slowest:.2f} s at most")
    assert client.stats().total == 0
    names = [*redis.client.scan_iter("{[]ocr}:*:*-*"), *redis.client.scan_iter("celery-task*")]
    assert not [name for name in names if redis.client.ttl(name) == -1]
