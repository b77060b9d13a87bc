"""What our worker does beside Celery's own: logs of one form, a lease on its name, and a prefetch that follows its engine."""

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
from ocr_celery.consumer.lease import Presence
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

#: Celery's own lines for each task received, handed on, finished or failed as expected; they would show its arguments
#: or the text of the page
_TOLD_BY_OUR_OWN_LINE = ("celery.app.trace", "celery.worker.strategy", "celery.worker.request", "celery.pool")
_CHATTY = ("celery.worker.consumer.mingle",)
_NAMES_THE_BROKER = ("celery.worker.consumer.connection", "celery.worker.consumer.consumer")
_TRANSPORT = re.compile(r"\b(?:ocr_celery\.transport\.broker:Transport|ocrredis)(?=(?:\+socket)?://)")
PACE = 0.5  #: seconds between adjustments of the prefetch

_presence: Presence | None = None
_as_json = False


@worker_init.connect(weak=False)
def _pool(sender: Any, **_: Any) -> None:
    """Pages are read by one pool only, whatever is asked for on the command line; `_logging` says so."""
    shutdown.spare_the_teardown()
    BatchPool.node = sender.hostname
    sender.pool_cls, sender.concurrency, sender.autoscale = BatchPool, 1, None


@setup_logging.connect(weak=False)
def _logging(loglevel: int, logfile: str | None = None, **_: Any) -> None:
    global _as_json
    settings, options = load_settings(), worker_options.given()
    level = logging.getLevelName(loglevel) if "loglevel" in options else settings.log_level
    try:
        file = Path(logfile) if logfile else None
        _as_json = logs.start("worker", level, settings.log_format, file=file, worker=BatchPool.node)
    except OSError as exc:
        sys.exit(f"ocr-celery: the log file {logfile} cannot be opened: {exc.strerror}")
    if _as_json:
        celery.apps.worker.safe_say = _say_aside
    for name in (*_TOLD_BY_OUR_OWN_LINE, *_CHATTY):
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in _NAMES_THE_BROKER:
        logging.getLogger(name).addFilter(_plain_broker)
    for warning in worker_options.warnings(options, queue=settings.queue):
        log.warning(warning)
    for notice in worker_options.notices(settings):
        log.info(notice)


def _plain_broker(record: logging.LogRecord) -> bool:
    """Celery shows the broker by the class of our transport; it is Redis."""
    record.msg, record.args = _TRANSPORT.sub("redis", record.getMessage()), ()
    return True


def _say_aside(text: str, *_: Any) -> None:
    """What Celery says in a signal handler, where logging might be entered twice: `log_pipe` completes the line."""
    with suppress(OSError):
        os.write(2, b"\n" + json.dumps({"event": text.strip(), "logger": "celery.apps.worker"}).encode() + b"\n")


@celeryd_after_setup.connect(weak=False)
def _begin(sender: str, instance: Any, conf: Any, **_: Any) -> None:
    """Before the engine is loaded: the name is ours, and what its last holder left is back in the queue."""
    global _presence
    shutdown.remember(instance)
    instance.quiet = instance.quiet or _as_json  # no banner: every line is an object
    keys = Keys(conf.task_default_queue)
    own = {"unacked_key": keys.unacked(sender), "node": sender}
    conf.broker_transport_options = {**conf.broker_transport_options, **own}
    _presence = Presence(connect(load_settings().redis_url or "redis://127.0.0.1:6379/0"), keys, sender)
    try:
        _presence.begin()
    except Exception as exc:  # Celery would log it and go on, as a worker whose pages others take for a dead one's
        log.debug("the name cannot be taken", exc_info=True)
        sys.exit(f"ocr-celery: {sender} cannot take its name in Redis, so it does not run: {exc!r:.300}")
    _publish(instance.app, load_settings().facts(), _presence.redis, keys)
    atexit.register(
        _presence.end
    )  # whichever way it ends, warm, cold or by an error: Celery has a signal for the first
    _inspect(_presence.redis)


def _inspect(redis: Redis) -> None:
    """Refuse a Redis that loses pages, and say what an earlier version left in it."""
    try:
        refused, earlier = eviction_refusal(eviction_policy(redis)), earlier_layout(redis)
    except RedisError as exc:  # it was there a moment ago, and is waited for
        log.warning("Redis was not inspected: %s", explain(exc))
        return
    if refused:
        sys.exit(f"ocr-celery: {refused}")
    if earlier:
        log.warning("%s", earlier)


def _publish(app: Any, facts: ServiceFacts, redis: Redis, keys: Keys) -> None:
    """Tell clients how this worker reads pages and which queues it takes them from, which may change while it runs."""

    def record(now: float) -> str:
        return facts.record(now=now, queues=tuple(sorted(app.amqp.queues.consume_from)))

    ServiceRecord(redis, keys.service).publish_from_now_on("worker", record)


class Feed(bootsteps.StartStopStep):
    """From when the worker consumes: nothing is held that is not worked on, and just enough is; see core/prefetch.py."""

    requires = ("celery.worker.consumer.tasks:Tasks",)
    timer: Any = None
    sweeper: Sweeper | None = None

    def start(self, c: Any) -> None:
        """(Re)connected."""
        if not isinstance(c.pool, BatchPool):
            return
        self._give_back(c)
        self.noted: set[str] = set()
        self.given = c.initial_prefetch_count
        self._adjust(c)
        self.timer = c.timer.call_repeatedly(PACE, self._adjust, (c,))
        if _presence is not None:
            queue = c.pool.settings.queue
            # one that reads other queues alone (-Q, `control cancel_consumer`) is of no use to a page that waits in ours
            _presence.is_ready = lambda: (
                c.pool.is_ready and self.timer is not None and queue in c.app.amqp.queues.consume_from
            )
            _presence.look_now()
        if self.sweeper is None:
            self.sweeper = Sweeper(
                c.app.backend.registry,
                interval=c.pool.settings.cleanup_interval,
                ttl=c.pool.settings.task_ttl,
                may_sweep=lambda: _presence is not None and _presence.is_sweeper,
            )
            self.sweeper.start()

    def stop(self, c: Any) -> None:
        """Connection lost, or the worker stops."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
        if _presence is not None:
            _presence.look_now()

    @staticmethod
    def _give_back(c: Any) -> None:
        """Celery forgets at a lost connection what waits for its time (a countdown, a retry) and counts on the broker to
        send it again; an acknowledgement may have failed too. Nobody else gives back what a live node holds."""
        given = c.task_consumer.channel.give_back(but={*c.pool.tags(), *pending_acks.pending()})
        if given:
            log.warning("%d messages that are not worked on are back in the queue: the connection was lost", given)

    def _note_queues(self, c: Any) -> None:
        """Say which further queues are read here (`-Q`, `add_consumer`): the sweeper looks for messages there, too."""
        keys = c.pool.keys
        names = {queue.name for queue in c.task_consumer.queues} - {keys.queue}
        if names > self.noted:
            with suppress(RedisError):  # it is said again soon
                c.pool.redis.sadd(keys.queues, *names)
                self.noted = names

    def _adjust(self, c: Any) -> None:
        channel = c.task_consumer.channel
        channel.return_handed_unless_waiting()
        if channel.has_moved:
            with suppress(RedisError):
                self._give_back(c)
        self._note_queues(c)
        wanted = c.pool.hold()
        if wanted > self.given:
            c.qos.increment_eventually(wanted - self.given)
        elif wanted < self.given:
            c.qos.decrement_eventually(self.given - wanted)
        self.given = wanted
