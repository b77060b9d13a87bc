"""`make run`: starts Redis, workers, an exporter and the facade, and prints the address once the service is ready."""

import asyncio
import os
import signal
import sys
from pathlib import Path

from ocr_celery.engine import factory
from ocr_celery.local import LocalRunError, address, console, redis, sample
from ocr_celery.local.console import print_line
from ocr_celery.local.data_dir import DataDir
from ocr_celery.local.orphan_reaper import ESCALATION, OrphanReaper
from ocr_celery.local.readiness import wait_until_ready
from ocr_celery.local.redis_startup import check_redis, start_own_redis, wait_for_given_redis
from ocr_celery.local.supervisor import Program, Supervisor
from ocr_celery.settings import Settings, SettingsError, load_settings

_CHECKOUT = Path(__file__).parents[2]  #: where web/ and celeryconfig.py are, which are not installed


def main() -> int:
    """Return the exit code: 0 after a stop by the user, 1 if the service cannot start here, 2 if a setting is wrong."""
    try:
        settings = load_settings()
        factory.check_installed(settings)
    except SettingsError as exc:
        print(f"ocr-celery: {exc}", file=sys.stderr)
        return 2
    folder = DataDir(settings.data_dir)
    try:
        if not (_CHECKOUT / "web").is_dir():
            raise LocalRunError(f"the facade, web/, is not in {_CHECKOUT}: use make run in the checkout of ocr-celery")
        folder.create()
        lock = folder.lock(timeout=settings.grace + sum(seconds for _, seconds in ESCALATION))
        address.check_port_free(settings)
        return asyncio.run(_run(settings, folder, lock))
    except LocalRunError as exc:
        print(f"ocr-celery: {exc}", file=sys.stderr)
        return 1


async def _run(settings: Settings, folder: DataDir, lock: int) -> int:
    folder.service_url.unlink(missing_ok=True)
    console.as_json = settings.log_format == "json"
    own = not settings.redis_url
    url = folder.redis_url if own else settings.redis_url
    reaper = OrphanReaper(grace=settings.grace, keep_open=(lock,))
    paths = os.pathsep.join(filter(None, (str(_CHECKOUT), os.environ.get("PYTHONPATH"))))
    env = {"REDIS_URL": url, "PYTHONUNBUFFERED": "1", "PYTHONPATH": paths}
    store = _store_address(settings, folder, own=own)
    if store:
        env["OCR_STORE"] = store
    if settings.log_format == "auto":
        env["OCR_LOG_FORMAT"] = "text"  # they write into a pipe, for which "auto" is JSON
    supervisor = Supervisor(reaper, print_line, env=env, grace=settings.grace)
    stopped = _handle_signals(supervisor)
    startup = asyncio.create_task(_start_programs(settings, folder, supervisor, url, own=own))
    stop_requested = asyncio.create_task(stopped.wait())
    try:
        await asyncio.wait({startup, stop_requested}, return_when=asyncio.FIRST_COMPLETED)
        if startup.done():
            startup.result()  # raises the error of a failed start
            await stop_requested
        startup.cancel()
        print_line("stopping: pages in the engine are finished first (Ctrl-C again: stop at once)")
    finally:
        stop_requested.cancel()
        folder.service_url.unlink(missing_ok=True)
        await supervisor.stop()
        reaper.dismiss()
    print_line(f"stopped{f'; the queue is kept in {folder.display_path}' if own else ''}")
    return 0


def _store_address(settings: Settings, folder: DataDir, *, own: bool) -> str:
    """Where uploaded files lie; "": in Redis. One that was given may have workers elsewhere, which do not see the folder."""
    return settings.store or (folder.store_address if own else "")


def _handle_signals(supervisor: Supervisor) -> asyncio.Event:
    """Return an event that Ctrl-C, SIGTERM or a closed terminal sets; a second signal skips the grace period."""
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
        await start_own_redis(folder, supervisor)
    else:
        await wait_for_given_redis(url)
    check_redis(url)
    at = address.facade_url(settings)
    for program in _programs(settings):
        supervisor.supervise(program)
    print_line(f"{'worker' if settings.workers == 1 else f'{settings.workers} workers'}: loading the OCR engine …")
    print_line(f"facade: starting at {at} …")
    sample_file = folder.path / "sample.png"
    sample.draw_sample(sample_file)
    await wait_until_ready(at)
    sample_path = os.path.relpath(sample_file) if folder.display_path != str(folder.path) else str(sample_file)
    print_line("")
    folder.service_url.write_text(f"{at}\n")
    print_line(f"ready     {at}     (open it in a browser; its calls: {at}/docs; Ctrl-C stops everything)")
    print_line(f"reached   {address.describe_reach(settings)}")
    print_line(f'try       curl -F "file=@{sample_path}" {at}/ocr')
    print_line(f"then      curl {at}/ocr/TASK_ID        (the task_id of the answer)")
    print_line(f"or        {_cli_command()} read {sample_path}        (files, folders and URLs)")
    store = _store_address(settings, folder, own=own)
    environment = f"REDIS_URL={redis.redact_password(url)}{f' OCR_STORE={store}' if store else ''}"
    print_line(f"Celery    {environment}     (for Python services and celery's own commands)")
    print_line("")


def _cli_command() -> str:
    """The `ocr-celery` command as it is typed in this folder."""
    command = Path(sys.executable).parent / "ocr-celery"
    return os.path.relpath(command) if command.exists() else f"{sys.executable} -m ocr_celery.cli"


def _programs(settings: Settings) -> list[Program]:
    python = (sys.executable, "-m")
    celery, several = (*python, "celery", "--quiet", "-A", "ocr_celery"), settings.workers > 1
    workers = [
        Program(
            name=f"worker{number}" if several else "worker",
            # the same name in every run: a worker takes back the pages that it had when it was killed
            command=(*celery, "worker", "-n", f"ocr{number}@%h", "-l", settings.log_level),
        )
        for number in range(1, settings.workers + 1)
    ]
    facade = Program(name="facade", command=(*python, "gunicorn", "-c", "python:web.gunicorn_conf", "web.wsgi:app"))
    exporter = (*python, "celery", "--quiet", "-A", "ocr_celery.export", "worker", "-n", "export@%h")
    return [*workers, Program(name="exporter", command=exporter), facade]


if __name__ == "__main__":
    sys.exit(main())
