"""What the service costs its Redis: EVAL a page with idle workers, dead names, and a sweep over a million tasks.

.venv/bin/python -m benchmarks.redis_load [pages] [workers] [tasks]
"""

import json
import sys
import threading
import time
from typing import Any

from redis import Redis

from ocr_celery.client import Client
from ocr_celery.consumer.sweeper import Sweeper
from ocr_celery.core.status import Status
from ocr_celery.settings import Settings
from ocr_celery.store.registry import Registry
from tests.testlib.processes import RedisServer, Worker, final, keys, png


def counts(redis: Redis) -> dict[str, int]:
    """Calls of each command so far."""
    stats: Any = redis.info("commandstats")
    return {name.removeprefix("cmdstat_"): said["calls"] for name, said in stats.items()}


def idle(redis: Redis, seconds: float = 10) -> float:
    """Commands a second while nothing is sent."""
    before = sum(counts(redis).values())
    time.sleep(seconds)
    return (sum(counts(redis).values()) - before) / seconds


def pages(server: RedisServer, count: int, workers: int) -> None:
    """EVAL a page with so many workers, and what a thousand dead names add to their idle load."""
    running = [Worker(f"w{n}", server.url, {"OCR_SCRIPTED_SECONDS": 0.05}) for n in range(workers)]
    client = Client(Settings(redis_url=server.url, max_queue_size=10_000))
    try:
        for worker in running:
            worker.wait_ready()
        alive = idle(server.client)
        server.client.zadd(keys.nodes, {f"dead{n}@test": time.time() - 60 for n in range(1000)})
        idle(server.client)  # they are looked at
        print(f"idle, {workers} workers: {alive:.1f} commands/s, with 1,000 dead names {idle(server.client):.1f}")
        before, ids = counts(server.client), []
        for _ in range(count):
            ids.append(client.submit_image(png()))
            time.sleep(0.05)
        final(client, ids, timeout=120)
        after = counts(server.client)
        for name in ("eval", "evalsha", "blmove"):
            print(f"{name}: {(after.get(name, 0) - before.get(name, 0)) / count:.2f} a page")
    finally:
        for worker in running:
            worker.end()
        client.redis.close()


def sweep(server: RedisServer, tasks: int) -> None:
    """How long a sweep keeps Redis from others: the longest PING while it runs, with so many tasks waiting and finished."""
    redis, now = server.client, time.time()
    for start in range(0, tasks, 10_000):
        ids = [f"{n:036}" for n in range(start, start + 10_000)]
        with redis.pipeline(transaction=False) as pipe:
            pipe.zadd(keys.counted(Status.PENDING), dict.fromkeys(ids, now - 1000))
            pipe.zadd(keys.counted(Status.COMPLETED), {f"done{id}": now - 1000 for id in ids})
            pipe.lpush("ocr", *(json.dumps({"headers": {"id": id}, "body": "x" * 1000}) for id in ids))
            pipe.execute()
    sweeper = Sweeper(Registry(redis, keys, keep=100), interval=1, ttl=60, may_sweep=lambda: True)
    for what in ("nothing lost", "the ten at the head lost"):
        redis.config_resetstat()
        began, ended = time.monotonic(), threading.Event()
        slowest = [0.0]
        thread = threading.Thread(target=_ping, args=(server.port, ended, slowest))
        thread.start()
        sweeper.sweep(now=now)
        ended.set()
        thread.join()
        stats: Any = redis.info("commandstats")
        mean = max((said["usec_per_call"], name) for name, said in stats.items())
        print(
            f"sweep of {tasks} tasks, {what}: {time.monotonic() - began:.1f} s, longest PING {slowest[0] * 1e3:.1f} ms,"
        )
        print(
            f"  {sweeper._messages_seen} messages looked at; the slowest step on average: {mean[1]} {mean[0] / 1e3:.2f} ms"
        )
        redis.rpop("ocr", 10)


def _ping(port: int, ended: threading.Event, slowest: list[float]) -> None:
    with Redis(port=port) as other:
        while not ended.wait(0.002):
            began = time.monotonic()
            other.ping()
            slowest[0] = max(slowest[0], time.monotonic() - began)


def main() -> None:
    """All of it, on its own Redis."""
    given = [int(word) for word in sys.argv[1:]]
    count, workers, tasks = (given + [200, 8, 1_000_000][len(given) :])[:3]
    server = RedisServer()
    server.start()
    try:
        pages(server, count, workers)
        server.client.flushall()
        sweep(server, tasks)
    finally:
        server.stop()


if __name__ == "__main__":
    main()
