"""Brings up the Redis of `make run`: starts its own, or waits for the one that REDIS_URL names."""

import asyncio
import time

from redis.exceptions import RedisError

from ocr_celery.local import LocalRunError, redis
from ocr_celery.local.console import print_line
from ocr_celery.local.data_dir import DataDir
from ocr_celery.local.supervisor import Supervisor
from ocr_celery.store import connect, redis_checks
from ocr_celery.store.redis_errors import explain, tls_problem

_REDIS_WAIT = 60.0  #: seconds for a given Redis to answer, which may be starting at the same time
_REPORT_INTERVAL = 10.0  #: seconds between two lines that say what is waited for


async def start_own_redis(folder: DataDir, supervisor: Supervisor) -> None:
    """Start the Redis of this folder and wait until it has loaded its data. Raises `LocalRunError`."""
    folder.create_socket_folder()
    if redis.stop_orphaned_redis(folder):
        print_line("stopped the Redis that an earlier run had left behind")
    redis.log_path(folder).unlink(missing_ok=True)
    supervisor.supervise(redis.redis_program(redis.find_server(), folder))
    while True:
        try:
            name = redis.redis_version(folder.redis_url)
            break
        except RedisError as exc:
            # LOADING: it reads a long queue from disk, which may take minutes
            if supervisor.deaths.get("redis") and "LOADING" not in str(exc).upper():
                raise LocalRunError(redis.log_tail(folder)) from None
            await asyncio.sleep(0.1)
    print_line(f"{name} at {folder.socket} (data kept in {folder.display_path})")


async def wait_for_given_redis(url: str) -> None:
    """Wait until the Redis of REDIS_URL answers, for a minute at most. Raises `LocalRunError`."""
    deadline = time.monotonic() + _REDIS_WAIT
    reported = 0.0
    while True:
        try:
            print_line(
                f"{await asyncio.to_thread(redis.redis_version, url)} at {redis.redact_password(url)} (given by REDIS_URL)"
            )
            return
        except RedisError as exc:
            at = f"Redis at {redis.redact_password(url)} (given by REDIS_URL)"
            if trouble := tls_problem(exc):
                raise LocalRunError(f"{at} cannot be reached by TLS: {trouble}") from None
            reason = f"{at} does not answer: {explain(exc)}"
        except ValueError as exc:
            raise LocalRunError(f"REDIS_URL: {exc}") from None
        if time.monotonic() > deadline:
            raise LocalRunError(reason)
        if time.monotonic() - reported > _REPORT_INTERVAL:
            reported = time.monotonic()
            print_line(f"{reason}; waiting … (if REDIS_URL is not set, make run starts a Redis)")
        await asyncio.sleep(0.5)


def check_redis(url: str) -> None:
    """Refuse a Redis that loses pages (raises `LocalRunError`), and say what an earlier version left in it."""
    with connect(url) as client:
        refused = redis_checks.eviction_refusal(redis_checks.eviction_policy(client))
        earlier = redis_checks.earlier_layout(client)
    if refused:
        raise LocalRunError(f"REDIS_URL: {refused}")
    if earlier:
        print_line(earlier)
