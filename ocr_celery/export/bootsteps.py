"""What an exporter adds to Celery's own start: the log, a lease on its name, and a low priority for itself and its children.

Lease and queue are those of a service of its own (`Keys.of_exporters`): exporters take over from each other what a dead one has
left, and no worker is among them.
"""

import atexit
import logging
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from celery import bootsteps
from celery.concurrency.solo import TaskPool
from celery.signals import celeryd_after_setup, setup_logging, worker_init

from ocr_celery import logs
from ocr_celery.consumer import shutdown
from ocr_celery.consumer.lease import NodeLease
from ocr_celery.export import exporter
from ocr_celery.settings import load_settings
from ocr_celery.store import connect
from ocr_celery.store.keys import Keys
from ocr_celery.transport import pending_acks

log = logging.getLogger(__name__)

#: Celery's own lines for each task, which would show its arguments
_QUIET_LOGGERS = ("celery.app.trace", "celery.worker.strategy", "celery.worker.request", "celery.pool")
_NOISY_LOGGERS = ("celery.worker.consumer.mingle", "celery.worker.control", "celery.worker.consumer.connection")

#: of the exporter and its children: beside an engine that wants all of a processor it gets 3 % of it (at 10 it would be 10 %)
NICENESS = 15

_lease: NodeLease | None = None
_node = ""
_as_json = False


@worker_init.connect(weak=False)
def _pool(sender: Any, **_: Any) -> None:
    """One export at a time, whatever pool the command line names."""
    global _node
    _node = sender.hostname
    shutdown.skip_interpreter_teardown()
    sender.pool_cls, sender.concurrency, sender.autoscale = TaskPool, 1, None


@setup_logging.connect(weak=False)
def _logging(logfile: str | None = None, **_: Any) -> None:
    global _as_json
    settings = load_settings()
    try:
        file = Path(logfile) if logfile else None
        _as_json = logs.start("export", settings.log_level, settings.log_format, file=file, worker=_node)
    except OSError as exc:
        sys.exit(f"ocr-celery: the log file {logfile} cannot be opened: {exc.strerror}")
    for name in (*_QUIET_LOGGERS, *_NOISY_LOGGERS):
        logging.getLogger(name).setLevel(logging.WARNING)


@celeryd_after_setup.connect(weak=False)
def _begin(sender: str, instance: Any, conf: Any, **_: Any) -> None:
    """Acquire the lease on the name, requeue what its last holder left, and start the exporter."""
    global _lease
    shutdown.remember(instance)
    instance.quiet = instance.quiet or _as_json
    settings = load_settings()
    keys = Keys(settings.queue).of_exporters
    own = {"unacked_key": keys.unacked(sender), "node": sender}
    conf.broker_transport_options = {**conf.broker_transport_options, **own}
    _lease = NodeLease(connect(settings.redis_address), keys, sender)
    try:
        _lease.begin()
    except Exception as exc:  # Celery would log it and go on
        sys.exit(f"ocr-celery: {sender} cannot take its name in Redis, so it does not run: {exc!r:.300}")
    atexit.register(_lease.end)
    _yield_to_engines()
    try:
        atexit.register(exporter.start(settings).close)
    except OSError as exc:
        sys.exit(f"ocr-celery: no folder for files can be made ({exc}); set TMPDIR to one that can be written")
    except Exception as exc:  # Celery would log it and go on, as an exporter that can make nothing
        log.exception("the exporter cannot start")
        sys.exit(f"ocr-celery: the exporter cannot start: {exc!r:.300}")


def _yield_to_engines() -> None:
    """Get what engines leave of the processors. Where the system groups processes by session, that counts too."""
    with suppress(OSError):
        os.nice(NICENESS)
    with suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(NICENESS))


class ExporterStep(bootsteps.StartStopStep):
    """While it consumes: the exporter is there for those who ask."""

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def start(self, c: Any) -> None:
        """(Re)connected: what Celery has dropped is requeued."""
        requeued = c.task_consumer.channel.requeue_unacked(but=pending_acks.pending())
        if requeued:
            log.warning("reconnected: requeued %d exports", requeued)
        self._announce(is_ready=True)

    def stop(self, c: Any) -> None:  # noqa: ARG002
        """Connection lost, or the exporter stops."""
        self._announce(is_ready=False)

    @staticmethod
    def _announce(*, is_ready: bool) -> None:
        if _lease is not None:
            _lease.is_ready = lambda: is_ready
            _lease.refresh_now()
