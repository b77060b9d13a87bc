"""How gunicorn runs the facade: ``gunicorn -c web/gunicorn_conf.py``. All of it follows from our own settings."""

import os
import sys
import time
from concurrent.futures import Future
from typing import Any

from gunicorn.glogging import Logger
from gunicorn.workers.gthread import _DEFER, STOP_KEEPALIVE_LINGER, ThreadWorker

from ocr_celery import telemetry
from ocr_celery.settings import SettingsError, load_settings
from web.patience import Patience, was_cut
from web.request_body import return_memory

try:
    _settings = load_settings()
except SettingsError as exc:
    sys.exit(f"ocr-celery: {exc}")

telemetry.configure(_settings.log_level, _settings.log_format)
return_memory()


class _Lines(Logger):  # type: ignore[misc]
    """gunicorn's own lines go the way of all others."""

    def setup(self, cfg: Any) -> None:
        """Leave the handlers to the root logger."""
        super().setup(cfg)
        self.error_log.handlers.clear()
        self.error_log.propagate = True


class _Worker(ThreadWorker):  # type: ignore[misc]
    """gunicorn's threads, but for how a connection begins and ends, and how all end."""

    def init_process(self) -> None:
        """In the process that answers; returns when it ends."""
        self.patience = Patience(_settings.upload_timeout)
        self.patience.start()
        super().init_process()

    def enqueue_req(self, conn: Any) -> None:
        """A thread is for who has said something: gunicorn would have it wait 5 s for the first byte."""
        if self.alive and not conn.initialized and not conn.data_ready and not conn.wait_for_data(0):
            silent: Future[Any] = Future()
            silent.set_result(_DEFER)
            super().finish_request(conn, silent)
        else:
            super().enqueue_req(conn)

    def handle(self, conn: Any) -> Any:
        """One request, in a thread."""
        with self.patience.with_(conn.sock):
            goes_on = super().handle(conn)
        return goes_on and not was_cut(conn.sock)  # what still comes over it is no new request

    def set_accept_enabled(self, enabled: bool) -> None:
        """Whoever has been let in by the system is served before the door is shut: gunicorn would have them reset.

        It leaves the socket open until its last answer is given; closed at once, it refuses callers, who may come again.
        """
        super().set_accept_enabled(enabled)
        if self.alive:
            return
        for silent in self.pending_conns:  # gunicorn forgets these where it shortens its patience with the rest
            silent.timeout = min(silent.timeout, time.monotonic() + STOP_KEEPALIVE_LINGER)
        for listener in self.sockets:
            taken = -1
            while taken != self.nr_conns:
                taken = self.nr_conns
                self.accept(listener)
            listener.close()

    def finish_request(self, conn: Any, done: "Future[Any]") -> None:
        """Close at once: gunicorn would wait here, where it takes callers in, for up to 2 s until each hangs up.

        Nothing is lost by it, as no answer leaves with its request unread: see web/observe.py.
        """
        if done.cancelled() or done.exception() or done.result() is not False:
            super().finish_request(conn, done)
            return
        self.nr_conns -= 1
        conn.close()


wsgi_app = "web.wsgi:app"
bind = f"[{_settings.host}]:{_settings.port}" if ":" in _settings.host else f"{_settings.host}:{_settings.port}"
worker_class = _Worker
workers = _settings.web_processes
threads = _settings.web_threads
preload_app = True  # what cannot start stops at once, and processes share what they import
timeout = 60  # seconds without a sign of life from a process; what a request may take: web/patience.py
graceful_timeout = 15  # seconds; a request takes milliseconds, an upload over a slow line seconds
keepalive = 65  # seconds; longer than the 60 of the usual proxies, so that they close first
accesslog = None  # web/observe.py writes the line
logger_class = _Lines
control_socket_disable = True
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None
