"""What this worker adds to Celery's own start: one log format, a lease on its name, a prefetch that follows the engine."""

import atexit
import json
import logging
import os
import re
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import celery.apps.worker
from celery import bootsteps
from celery.signals import celeryd_after_setup, setup_logging, worker_init
from redis import Redis
from redis.exceptions import RedisError

from ocr_celery import logs
from ocr_celery.consumer import remote_control, shutdown, worker_options  # noqa: F401  (remote_control registers its commands)
from ocr_celery.consumer.lease import NodeLease
from ocr_celery.consumer.pool import BatchPool
from ocr_celery.consumer.sweeper import Sweeper
from ocr_celery.core.service_facts import ServiceFacts
from ocr_celery.settings import load_settings
from ocr_celery.store import connect
from ocr_celery.store.keys import Keys
from ocr_celery.store.redis_checks import earlier_layout, eviction_policy, eviction_refusal
from ocr_celery.store.redis_errors import explain
from ocr_celery.store.service_record import ServiceRecord
from ocr_celery.transport import pending_acks

log = logging.getLogger(__name__)

#: Celery's own lines for each task received, handed on, finished or failed, which would show its arguments or its text;
#: consumer/completion.py logs each page instead
_QUIET_LOGGERS = ("celery.app.trace", "celery.worker.strategy", "celery.worker.request", "celery.pool")
_NOISY_LOGGERS = ("celery.worker.consumer.mingle", "celery.worker.control")  # what nodes say when one starts
_BROKER_NAMING_LOGGERS = ("celery.worker.consumer.connection", "celery.worker.consumer.consumer")
_TRANSPORT = re.compile(r"\b(?:ocr_celery\.transport\.broker:Transport|ocrredis)(?=(?:\+socket)?://)")
ADJUST_INTERVAL = 0.5  #: seconds between adjustments of the prefetch

_lease: NodeLease | None = None
_as_json = False


@worker_init.connect(weak=False)
def _pool(sender: Any, **_: Any) -> None:
    """Only this pool reads pages, whatever pool the command line names; `_logging` warns of that."""
    shutdown.skip_interpreter_teardown()
    BatchPool.node = sender.hostname
    sender.pool_cls, sender.concurrency, sender.autoscale = BatchPool, 1, None


@setup_logging.connect(weak=False)
def _logging(loglevel: int, logfile: str | None = None, **_: Any) -> None:
    global _as_json
    settings, options = load_settings(), worker_options.from_command_line()
    level = logging.getLevelName(loglevel) if "loglevel" in options else settings.log_level
    try:
        file = Path(logfile) if logfile else None
        _as_json = logs.start("worker", level, settings.log_format, file=file, worker=BatchPool.node)
    except OSError as exc:
        sys.exit(f"ocr-celery: the log file {logfile} cannot be opened: {exc.strerror}")
    if _as_json:
        celery.apps.worker.safe_say = _write_unlogged
    for name in (*_QUIET_LOGGERS, *_NOISY_LOGGERS):
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in _BROKER_NAMING_LOGGERS:
        logging.getLogger(name).addFilter(_hide_transport_class)
    for warning in worker_options.warnings(options, queue=settings.queue):
        log.warning("%s", warning)
    for notice in worker_options.notices(settings):
        log.info("%s", notice)


def _hide_transport_class(record: logging.LogRecord) -> bool:
    """Celery logs the broker with the class of the transport; name it redis."""
    record.msg, record.args = _TRANSPORT.sub("redis", record.getMessage()), ()
    return True


def _write_unlogged(text: str, *_: Any) -> None:
    """Write what Celery says in a signal handler, where logging is not reentrant; `log_pipe` completes the line."""
    with suppress(OSError):
        os.write(2, b"\n" + json.dumps({"event": text.strip(), "logger": "celery.apps.worker"}).encode() + b"\n")


@celeryd_after_setup.connect(weak=False)
def _begin(sender: str, instance: Any, conf: Any, **_: Any) -> None:
    """Before the engine is loaded: acquire the lease on the name, and requeue what its last holder left."""
    global _lease
    shutdown.remember(instance)
    instance.quiet = instance.quiet or _as_json  # no banner: every line is an object
    keys = Keys(conf.task_default_queue)
    own = {"unacked_key": keys.unacked(sender), "node": sender}
    conf.broker_transport_options = {**conf.broker_transport_options, **own}
    _lease = NodeLease(connect(load_settings().redis_url or "redis://127.0.0.1:6379/0"), keys, sender)
    try:
        _lease.begin()
    except Exception as exc:  # Celery would log it and go on, as a worker whose pages others take for a dead one's
        log.debug("the name cannot be taken", exc_info=True)
        sys.exit(f"ocr-celery: {sender} cannot take its name in Redis, so it does not run: {exc!r:.300}")
    _publish(instance.app, load_settings().facts(), _lease.redis, keys)
    atexit.register(_lease.end)  # whichever way it ends, warm, cold or by an error: Celery has a signal for the first
    _check_redis(_lease.redis)


def _check_redis(redis: Redis) -> None:
    """Refuse a Redis that evicts pages, and warn of pages in an earlier layout."""
    try:
        refused, earlier = eviction_refusal(eviction_policy(redis)), earlier_layout(redis)
    except RedisError as exc:  # it was there a moment ago, and is waited for
        log.warning("could not check Redis's eviction policy and layout: %s", explain(exc))
        return
    if refused:
        sys.exit(f"ocr-celery: {refused}")
    if earlier:
        log.warning("%s", earlier)


def _publish(app: Any, facts: ServiceFacts, redis: Redis, keys: Keys) -> None:
    """Tell clients how this worker reads pages and which queues it takes them from, which may change while it runs."""

    def record(now: float) -> str:
        return facts.record(now=now, queues=tuple(sorted(app.amqp.queues.consume_from)))

    ServiceRecord(redis, keys.service).start_publishing("worker", record)


class PrefetchStep(bootsteps.StartStopStep):
    """While the worker consumes: keep the prefetch at its target (core/prefetch.py) and requeue idle messages."""

    requires = ("celery.worker.consumer.tasks:Tasks",)
    timer: Any = None
    sweeper: Sweeper | None = None

    def start(self, c: Any) -> None:
        """(Re)connected."""
        if not isinstance(c.pool, BatchPool):
            return
        self._requeue_idle(c)
        self.published_queues: set[str] = set()
        self.prefetch = c.initial_prefetch_count
        self._adjust_prefetch(c)
        self.timer = c.timer.call_repeatedly(ADJUST_INTERVAL, self._adjust_prefetch, (c,))
        if _lease is not None:
            queue = c.pool.settings.queue
            # a worker of other queues only (-Q, `control cancel_consumer`) is of no use to a page in the service's queue
            _lease.is_ready = lambda: (
                c.pool.is_ready and self.timer is not None and queue in c.app.amqp.queues.consume_from
            )
            _lease.refresh_now()
        if self.sweeper is None:
            self.sweeper = Sweeper(
                c.app.backend.registry,
                interval=c.pool.settings.cleanup_interval,
                ttl=c.pool.settings.task_ttl,
                may_sweep=lambda: _lease is not None and _lease.is_sweeper,
                files=c.pool.pipeline.file_cleaner if c.pool.pipeline else None,
            )
            self.sweeper.start()

    def stop(self, c: Any) -> None:
        """Connection lost, or the worker stops."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
        if _lease is not None:
            _lease.refresh_now()

    @staticmethod
    def _requeue_idle(c: Any) -> None:
        """At a lost connection Celery drops what waits for its time (a countdown, a retry) and expects the broker to send
        it again; an acknowledgement may have failed too. No other worker requeues the messages of a live node."""
        requeued = c.task_consumer.channel.requeue_unacked(but={*c.pool.in_progress_tags(), *pending_acks.pending()})
        if requeued:
            log.warning("reconnected: requeued %d idle messages", requeued)

    def _publish_queues(self, c: Any) -> None:
        """Publish which further queues are read here (`-Q`, `add_consumer`), for the sweeper to search."""
        keys = c.pool.registry.keys
        names = {queue.name for queue in c.task_consumer.queues} - {keys.queue}
        if names > self.published_queues:
            with suppress(RedisError):  # repeated soon
                c.pool.registry.redis.sadd(keys.queues, *names)
                self.published_queues = names

    def _adjust_prefetch(self, c: Any) -> None:
        channel = c.task_consumer.channel
        channel.return_handed_unless_waiting()
        if channel.has_moved:
            with suppress(RedisError):
                self._requeue_idle(c)
        self._publish_queues(c)
        target = c.pool.prefetch_target()
        if target > self.prefetch:
            c.qos.increment_eventually(target - self.prefetch)
        elif target < self.prefetch:
            c.qos.decrement_eventually(self.prefetch - target)
        self.prefetch = target
