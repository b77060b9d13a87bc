"""How gunicorn runs the facade: ``gunicorn -c web/gunicorn_conf.py``. All of it follows from our own settings."""

import logging
import os
import sys
from functools import partial
from typing import Any

from gunicorn.glogging import Logger
from redis.exceptions import RedisError

from ocr_celery import listen, logs
from ocr_celery.client import Client
from ocr_celery.settings import SettingsError, load_settings
from ocr_celery.store import connect
from ocr_celery.store.redis_checks import earlier_layout, eviction_policy, eviction_refusal
from ocr_celery.store.redis_errors import explain
from web.connections import connection_limit
from web.gunicorn_worker import Worker
from web.request_body import return_freed_memory

try:
    _settings = load_settings()
except SettingsError as exc:
    sys.exit(f"ocr-celery: {exc}")

_as_json = logs.start("facade", _settings.log_level, _settings.log_format)
return_freed_memory()


class _Logger(Logger):  # type: ignore[misc]
    """Writes gunicorn's lines as all others are; a terminal gets warnings and errors only."""

    def setup(self, cfg: Any) -> None:
        """Leave the handlers to the root logger."""
        super().setup(cfg)
        self.error_log.handlers.clear()
        self.error_log.propagate = True
        if not _as_json:
            self.error_log.setLevel(max(logging.WARNING, self.error_log.level))


def when_ready(_: Any) -> None:
    """Log the address on a terminal; elsewhere gunicorn logs it."""
    if not _as_json:
        logging.getLogger("web").info("listening at http://%s", bind)


def _bind_error() -> str:
    """Why the address cannot be bound, or "". gunicorn itself would retry five times, with two log lines each.

    A socket that was inherited, from an upgrade or from systemd, is open already.
    """
    inherited = not os.environ.keys().isdisjoint({"GUNICORN_FD", "LISTEN_FDS"})
    return "" if inherited else listen.describe_bind_error(_settings.host, _settings.port)


def on_starting(server: Any) -> None:
    """Exit if the address is not free or if Redis may evict pages. A Redis that is down does not stop the start."""
    if problem := _bind_error():
        sys.exit(f"ocr-celery: {problem}")
    try:
        with connect(_settings.redis_address) as redis:
            refused, earlier = eviction_refusal(eviction_policy(redis)), earlier_layout(redis)
    except RedisError as exc:
        unset = "" if _settings.redis_url else " (REDIS_URL is not set)"
        server.log.warning("redis is not reachable yet: %s%s", explain(exc), unset)
        return
    if refused:
        sys.exit(f"ocr-celery: {refused}")
    if earlier:
        server.log.warning("%s", earlier)


def post_worker_init(worker: Any) -> None:
    """In the process that answers: publish the limits of this facade for clients, and answer who waits when it stops."""
    from web.wsgi import app

    client: Client = app.extensions["ocr_client"]
    worker.before_stop = partial(app.extensions["waiting_requests"].stop, client.changes.wake_all)
    facts = _settings.facts()
    client.record.start_publishing("facade", lambda now: facts.record(now=now))


wsgi_app = "web.wsgi:app"
bind = f"[{_settings.host}]:{_settings.port}" if ":" in _settings.host else f"{_settings.host}:{_settings.port}"
Worker.upload_timeout = _settings.upload_timeout
worker_class = Worker
workers = _settings.web_processes
threads = _settings.web_threads + _settings.web_waits
worker_connections = connection_limit(_settings.web_threads, _settings.web_waits)
forwarded_allow_ips = forwarder_headers = ""  # gunicorn trusts no peer; web/proxy.py handles proxies
preload_app = True  # an error at the start ends the server, and processes share what they import
timeout = 60  # seconds without a sign of life from a process; what a request may take: web/request_deadline.py
graceful_timeout = 15  # seconds; a request takes milliseconds, an upload over a slow line seconds
keepalive = 65  # seconds; longer than the 60 of the usual proxies, so that they close first
accesslog = None  # web/request_log.py writes the line
logger_class = _Logger
control_socket_disable = True
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None
