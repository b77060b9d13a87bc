"""Celery's options, all derived from our own settings. What each is for, and what was measured: docs/decisions/."""

import sys
from typing import Any

from ocr_celery.settings import Settings, SettingsError, load_settings
from ocr_celery.store.keys import Keys
from ocr_celery.transport import client_broker

_DAY = 86400
_SOCKETS = {
    "visibility_timeout": 3650 * _DAY,  # only a dead node's lease requeues its messages, never a clock
    "socket_timeout": 10,
    "socket_connect_timeout": 2,
    "socket_keepalive": True,
    "health_check_interval": 10,
}
_BROKER = {
    "broker_connection_retry_on_startup": True,
    "broker_connection_max_retries": None,  # a worker waits for Redis for as long as it takes
    "broker_connection_timeout": 2,
    # a Redis whose disk is full refuses even to say that a connection lives; that passes
    "broker_channel_error_retry": True,
    "broker_pool_limit": 64,
}


def celery_options(settings: Settings) -> dict[str, Any]:
    """Celery's configuration for a program of the service; reads nothing else and connects to nothing."""
    from ocr_celery.transport import broker

    url = settings.redis_address
    carrier = {**broker.url_for(url), "broker_transport_options": {**_own_keys(Keys(settings.queue)), **_SOCKETS}}
    return {**carrier, **_BROKER, **_results(url, settings), **_tasks(settings), **_worker(settings)}


def client_options(settings: Settings) -> dict[str, Any]:
    """The same for a client, which sends pages and takes none."""
    url = settings.redis_address
    carrier = {**client_broker.url_for(url), "broker_transport_options": dict(_SOCKETS)}
    return {**carrier, **_BROKER, **_results(url, settings), **_tasks(settings)}


def service_options() -> dict[str, Any]:
    """The options of the service's own programs, which are strict: a wrong setting ends the process with one line."""
    return celery_options(_strict_settings())


def exporter_options() -> dict[str, Any]:
    """What an exporter's options differ in from those of the service's other programs."""
    settings = _strict_settings()
    keys = Keys(settings.queue).of_exporters
    return {
        "task_default_queue": keys.queue,
        "broker_transport_options": {**_own_keys(keys), **_SOCKETS},
        "worker_pool": "solo",  # one export after the other, in the process's main thread
        "worker_prefetch_multiplier": 1,
    }


def _strict_settings() -> Settings:
    try:
        return load_settings()
    except SettingsError as exc:
        sys.exit(f"ocr-celery: {exc}")


def _own_keys(keys: Keys) -> dict[str, Any]:
    return {
        "service_queue": keys.queue,  # names the keys of this service, see store/keys.py
        "unacked_key": f"{keys.prefix}unacked",  # replaced in each worker by a key with its name
    }


def _results(url: str, settings: Settings) -> dict[str, Any]:
    return {
        "result_backend": "ocr_celery.transport.backend:Backend+" + url.replace("redis+socket://", "socket://", 1),
        "result_expires": settings.task_ttl,
        "result_chord_expires": 7 * _DAY,  # a batch may take longer than a result lives
        # would store the arguments with the result: whole images, where they are sent as bytes
        "result_extended": False,
        "result_backend_always_retry": True,
        "result_backend_max_retries": 30,
        "result_backend_max_sleep_between_retries_ms": 2000,
        "redis_socket_timeout": 10,
        "redis_socket_connect_timeout": 2,
        "redis_socket_keepalive": not url.startswith("redis+socket:"),
        "redis_retry_on_timeout": False,
    }


def _tasks(settings: Settings) -> dict[str, Any]:
    return {
        "task_default_queue": settings.queue,
        "task_create_missing_queues": True,
        "task_serializer": "json",
        "result_serializer": "json",
        "accept_content": ["json"],
        "task_acks_late": True,
        "task_reject_on_worker_lost": True,
        "task_acks_on_failure": True,
        "task_track_started": False,  # the pool says STARTED when a page enters the engine
        "task_send_sent_event": False,
        "task_ignore_result": False,
    }


def _worker(settings: Settings) -> dict[str, Any]:
    return {
        "worker_pool": "ocr_celery.consumer.pool:BatchPool",
        "worker_consumer": "ocr_celery.consumer.message_check:Consumer",
        "worker_concurrency": 1,
        "worker_prefetch_multiplier": settings.batch_size + 2,
        "worker_enable_prefetch_count_reduction": False,  # the pool keeps what it holds across a lost connection
        "worker_cancel_long_running_tasks_on_connection_loss": False,
        # the pool replays what is stored, so that a chord still counts it
        "worker_deduplicate_successful_tasks": False,
        "worker_send_task_events": True,
        "worker_hijack_root_logger": False,
        "worker_redirect_stdouts": False,
        "enable_utc": True,
    }
