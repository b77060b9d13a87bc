"""`make run`: starts what is needed, says so while doing it, and prints the address once a page would be read."""

import asyncio
import os
import signal
import sys
import time
from pathlib import Path

import requests
from redis.exceptions import RedisError

from ocr_celery.engine import registry
from ocr_celery.local import StartupError, address, console, redis, sample
from ocr_celery.local.console import print_line
from ocr_celery.local.data_dir import DataDir
from ocr_celery.local.process_guard import ESCALATION, ProcessGuard
from ocr_celery.local.supervisor import Program, Supervisor
from ocr_celery.settings import Settings, SettingsError, load_settings
from ocr_celery.store import connect, redis_checks
from ocr_celery.store.redis_errors import explain, tls_problem

_CHECKOUT = Path(__file__).parents[2]  #: where web/ and celeryconfig.py are, which are not installed
_REDIS_WAIT = 60.0  #: seconds for a given Redis to answer, which may be starting at the same time


def main() -> int:
    """The exit code: 0 when stopped by the user, 1 when something is in the way, 2 when a setting is wrong."""
    try:
        settings = load_settings()
        registry.check(settings)
    except SettingsError as exc:
        print(f"ocr-celery: {exc}", file=sys.stderr)
        return 2
    folder = DataDir(settings.data_dir)
    try:
        if not (_CHECKOUT / "web").is_dir():
            raise StartupError(f"the facade, web/, is not in {_CHECKOUT}: use make run in the checkout of ocr-celery")
        folder.create()
        lock = folder.lock(patience=settings.grace + sum(seconds for _, seconds in ESCALATION))
        address.check_port_free(settings)
        return asyncio.run(_run(settings, folder, lock))
    except StartupError as exc:
        print(f"ocr-celery: {exc}", file=sys.stderr)
        return 1


async def _run(settings: Settings, folder: DataDir, lock: int) -> int:
    folder.service_url.unlink(missing_ok=True)
    console.as_json = settings.log_format == "json"
    own = not settings.redis_url
    url = folder.redis_url if own else settings.redis_url
    guard = ProcessGuard(grace=settings.grace, keep_open=(lock,))
    paths = os.pathsep.join(filter(None, (str(_CHECKOUT), os.environ.get("PYTHONPATH"))))
    env = {"REDIS_URL": url, "PYTHONUNBUFFERED": "1", "PYTHONPATH": paths}
    if settings.log_format == "auto":
        env["OCR_LOG_FORMAT"] = "text"  # their output is a pipe, ours has a reader
    supervisor = Supervisor(guard, print_line, env=env, grace=settings.grace)
    stopped = _handle_signals(supervisor)
    work = asyncio.create_task(_start_programs(settings, folder, supervisor, url, own=own))
    end = asyncio.create_task(stopped.wait())
    try:
        await asyncio.wait({work, end}, return_when=asyncio.FIRST_COMPLETED)
        if work.done():
            work.result()  # raises what went wrong
            await end
        work.cancel()
        print_line("stopping: what is being read is finished first (Ctrl-C again: at once)")
    finally:
        end.cancel()
        folder.service_url.unlink(missing_ok=True)
        await supervisor.stop()
        guard.dismiss()
    print_line(f"stopped{f'; the queue is kept in {folder.display_path}' if own else ''}")
    return 0


def _handle_signals(supervisor: Supervisor) -> asyncio.Event:
    """An event that Ctrl-C, SIGTERM or a closed terminal sets; a second one skips the grace period."""
    stopped = asyncio.Event()

    def stop() -> None:
        if stopped.is_set():
            supervisor.skip_grace()
        stopped.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:  # nohup
            loop.add_signal_handler(number, stop)
    return stopped


async def _start_programs(settings: Settings, folder: DataDir, supervisor: Supervisor, url: str, *, own: bool) -> None:
    if own:
        await _start_redis(folder, supervisor)
    else:
        await _wait_for_redis(url)
    _check_redis(url)
    at = address.facade_url(settings)
    for program in _programs(settings):
        supervisor.supervise(program)
    print_line(f"{'worker' if settings.workers == 1 else f'{settings.workers} workers'}: loading the OCR engine …")
    print_line(f"facade: starting at {at} …")
    picture = folder.path / "sample.png"
    sample.draw_sample(picture)
    await _wait_until_ready(at)
    shown = os.path.relpath(picture) if folder.display_path != str(folder.path) else str(picture)
    print_line("")
    folder.service_url.write_text(f"{at}\n")
    print_line(f"ready     {at}     (how to use it: {at}/docs; Ctrl-C stops everything)")
    print_line(f"reached   {address.describe_reach(settings)}")
    print_line(f'try       curl -F "file=@{shown}" {at}/ocr')
    print_line(f"then      curl {at}/ocr/TASK_ID        (the task_id of the answer)")
    print_line(f"or        {_cli_command()} read {shown}        (files, folders and URLs)")
    print_line(f"Celery    REDIS_URL={redis.redact_url(url)}     (for Python services and celery's own commands)")
    print_line("")


def _cli_command() -> str:
    """`ocr-celery` as it is typed here."""
    command = Path(sys.executable).parent / "ocr-celery"
    return os.path.relpath(command) if command.exists() else f"{sys.executable} -m ocr_celery.cli"


def _programs(settings: Settings) -> list[Program]:
    python = (sys.executable, "-m")
    celery, several = (*python, "celery", "--quiet", "-A", "ocr_celery"), settings.workers > 1
    workers = [
        Program(
            name=f"worker{number}" if several else "worker",
            # a name that stays the same from run to run: what the node held when it was killed is its own again
            command=(*celery, "worker", "-n", f"ocr{number}@%h", "-l", settings.log_level),
        )
        for number in range(1, settings.workers + 1)
    ]
    facade = Program(name="facade", command=(*python, "gunicorn", "-c", "python:web.gunicorn_conf", "web.wsgi:app"))
    return [*workers, facade]


async def _start_redis(folder: DataDir, supervisor: Supervisor) -> None:
    folder.create_socket_folder()
    if redis.stop_orphaned_redis(folder):
        print_line("stopped the Redis of an earlier run, which had outlived it")
    redis.log_path(folder).unlink(missing_ok=True)
    supervisor.supervise(redis.redis_program(redis.find_server(), folder))
    while True:
        try:
            name = redis.redis_version(folder.redis_url)
            break
        except RedisError as exc:
            # while it reads a long queue from disk it is there and says so: that may take its time
            if supervisor.deaths.get("redis") and "LOADING" not in str(exc).upper():
                raise StartupError(redis.log_tail(folder)) from None
            await asyncio.sleep(0.1)
    print_line(f"{name} at {folder.socket} (data kept in {folder.display_path})")


async def _wait_for_redis(url: str) -> None:
    deadline, told = time.monotonic() + _REDIS_WAIT, 0.0
    while True:
        try:
            print_line(
                f"{await asyncio.to_thread(redis.redis_version, url)} at {redis.redact_url(url)} (given by REDIS_URL)"
            )
            return
        except RedisError as exc:
            at = f"Redis at {redis.redact_url(url)} (given by REDIS_URL)"
            if trouble := tls_problem(exc):
                raise StartupError(f"{at} cannot be reached by TLS: {trouble}") from None
            reason = f"{at} does not answer: {explain(exc)}"
        except ValueError as exc:
            raise StartupError(f"REDIS_URL: {exc}") from None
        if time.monotonic() > deadline:
            raise StartupError(reason)
        if time.monotonic() - told > 10:
            told = time.monotonic()
            print_line(f"{reason}; waiting … (without REDIS_URL, one is started here)")
        await asyncio.sleep(0.5)


def _check_redis(url: str) -> None:
    """Refuse a Redis that loses pages, and say what an earlier version left in it."""
    with connect(url) as client:
        refused = redis_checks.eviction_refusal(redis_checks.eviction_policy(client))
        earlier = redis_checks.earlier_layout(client)
    if refused:
        raise StartupError(f"REDIS_URL: {refused}")
    if earlier:
        print_line(earlier)


async def _wait_until_ready(at: str) -> None:
    told = time.monotonic()
    while (reason := await asyncio.to_thread(_not_ready_reason, at)) is not None:
        if reason and time.monotonic() - told > 20:
            told = time.monotonic()
            print_line(f"not ready yet: {reason}")
        await asyncio.sleep(0.2)


def _not_ready_reason(at: str) -> str | None:
    """Why a page would not be read yet ("": nobody said); None: it would."""
    try:
        with requests.Session() as session:
            session.trust_env = False  # a proxy has no business between us and this machine
            answer = session.get(f"{at}/ready", timeout=5)
        if answer.status_code == 200:
            return None
        body = answer.json()
        return str(body.get("detail") or body.get("message") or "")
    except (requests.RequestException, ValueError, AttributeError):
        return "the facade does not answer"


if __name__ == "__main__":
    sys.exit(main())
