"""What a case is played on: a Redis, a client, a witness and the processes that the case starts, all ended after it."""

import random
import re
import shutil
import signal
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

from ocr_celery.client import Client
from ocr_celery.settings import Settings
from tests.faults.flow import Flow, Send, by_name, over_http, through
from tests.faults.ledger import Account, Ledger
from tests.faults.whole import Whole
from tests.faults.witness import Witness
from tests.testlib.facade_process import Served, served
from tests.testlib.processes import RedisServer, Worker, keys, own_redis, until
from tests.testlib.tcp_proxy import Proxy

_TASK_ID = re.compile(r'"task_id": "([^"]*)"?')
QUICK: dict[str, object] = {"OCR_BATCH_SIZE": 8, "OCR_SCRIPTED_SECONDS": 0.1}


class Scene(ExitStack):
    """Entered: Redis runs and is empty. Left: nothing of it runs any more."""

    def __init__(self, redis: RedisServer | None = None) -> None:
        super().__init__()
        self.redis = redis or own_redis()
        self.ledger = Ledger()
        self.recovered: list[float] = []
        self.notes: dict[str, object] = {}  #: what else the case has measured
        self.workers: list[Worker] = []

    def __enter__(self) -> Self:
        super().__enter__()
        self.redis.start()
        self.callback(self._end_redis)
        self.redis.client.flushall()
        self.callback(self._end_workers)
        self._look_at(self.redis.url)
        return self

    def _look_at(self, redis_url: str) -> None:
        self.client = Client(Settings(redis_url=redis_url, max_queue_size=1_000_000))
        self.callback(self.client.redis.close)
        self.witness = Witness(redis_url)
        self.callback(self.witness.close)

    def _end_redis(self) -> None:
        if self.redis.process.poll() is None:
            self.redis.stop(signal.SIGKILL)
        self.redis.client.connection_pool.disconnect()
        shutil.rmtree(Path(self.redis.folder.name) / "appendonlydir", ignore_errors=True)

    def _end_workers(self) -> None:
        for worker in self.workers:
            worker.end()

    # -- processes -------------------------------------------------------------------------------------------------------

    def worker(self, name: str = "w1", *, ready: bool = True, url: str = "", **settings: object) -> Worker:
        """A worker with the scripted engine. `url`: of the proxy that it reaches Redis through."""
        worker = Worker(name, url or self.redis.url, {**QUICK, **settings})
        self.workers.append(worker)
        if ready:
            worker.wait_ready()
        return worker

    def facade(self, *, url: str = "", **settings: object) -> Served:
        """A facade under gunicorn."""
        return self.enter_context(served(url or self.redis.url, **{"OCR_MAX_QUEUE_SIZE": 10_000, **settings}))

    def whole(self, **settings: object) -> Whole:
        """All of `make run`; from here on its Redis is the one that is looked at."""
        service = Whole(Path(self.enter_context(TemporaryDirectory())), **settings)
        self.callback(service.end)
        service.start()
        self._look_at(service.redis_url)
        return service

    def proxy(self) -> Proxy:
        """A way to Redis that can be broken."""
        proxy = Proxy(self.redis.port)
        self.callback(proxy.close)
        return proxy

    # -- load ------------------------------------------------------------------------------------------------------------

    def flow(self, send: Send | None = None, **options: Any) -> Flow:
        """Pages flow while this is entered."""
        return Flow(send or through(self.client), self.ledger, self.witness, **options)

    def flow_by_name(self, **options: Any) -> Flow:
        """The same, sent by Celery itself."""
        return self.flow(by_name(self.client), **options)

    def flow_over_http(self, url: str, *, resets: bool = False, **options: Any) -> Flow:
        """The same through a facade."""
        return self.flow(over_http(url, resets=resets), **options)

    def work_a_while(self, most: int = 30) -> None:
        """Until some pages more are finished, at random up to `most`: the next fault comes at any moment of a batch."""
        wanted = len(self.witness.finished) + random.randint(1, most)
        until(lambda: len(self.witness.finished) >= wanted, timeout=60, what=f"{wanted} pages are finished")
        time.sleep(random.random() * 0.2)  # not to be right: to be at any moment

    # -- recovery --------------------------------------------------------------------------------------------------------

    def recovers(self, since: float, what: Callable[[], object] | None = None) -> None:
        """Wait until pages are finished again (or `what`) and note how many seconds after `since` that was."""
        until(what or (lambda: self.witness.last > since), timeout=60, what="work goes on")
        self.recovered.append(time.monotonic() - since)

    def accepts_again(self, since: float) -> None:
        """The same for the facade: wait until one page more has been accepted."""
        accepted = self.ledger.accepted
        self.recovers(since, lambda: self.ledger.accepted > accepted)

    def held_by(self, worker: Worker) -> int:
        """How many messages lie under the worker's name."""
        return int(self.redis.client.hlen(keys.unacked(worker.name)))

    def unfinished(self) -> int:
        """How many pages are open."""
        stats = self.client.stats()
        return stats.pending + stats.processing

    def close_account(self) -> Account:
        """What has become of all."""
        account = self.ledger.close(self.client, self.witness)
        lines = [
            line for worker in self.workers for line in worker.log.splitlines() if '"page read", "task_id"' in line
        ]
        account.again = len(lines) - len({_TASK_ID.findall(line)[0] for line in lines})
        if account.stuck or account.lost:
            for worker in self.workers[-2:]:
                told = [line[:600] for line in worker.log.splitlines() if '"page read"' not in line]
                print(f"{worker.name} (exit status {worker.process.poll()}) said last:", *told[-15:], sep="\n")
        account.recovered, account.notes = self.recovered, self.notes
        return account
