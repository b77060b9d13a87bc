"""`make flower`: Flower in front of the Redis of the running `make run`, or of REDIS_URL, on this machine only.

With `--stay`, for the Procfile, whose processes end all together: what is missing is said and waited for.
"""

import os
import signal
import sys
import time
from importlib.util import find_spec

from redis.exceptions import RedisError

from ocr_celery.env_file import check_env_file
from ocr_celery.local import StartupError, address, redis
from ocr_celery.local.console import print_line
from ocr_celery.local.data_dir import DataDir
from ocr_celery.settings import Settings, SettingsError, load_settings
from ocr_celery.store.redis_errors import explain

_RETRY_SECONDS = 5.0  #: seconds between two looks whether what was missing is there
_HERE = "redis://127.0.0.1:6379/0"  #: where the other lines of the Procfile look without REDIS_URL


def main() -> None:
    """The exit code: 0 when stopped by the user, 1 when it cannot run, 2 when a setting is wrong."""
    stay = "--stay" in sys.argv[1:]
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    try:
        check_env_file()
        settings = load_settings()
        url = _wait_for_redis(settings) if stay else _find_redis(settings)
    except KeyboardInterrupt:
        sys.exit(0)
    except (SettingsError, StartupError) as exc:
        print(f"ocr-celery: {exc}", file=sys.stderr)
        sys.exit(2 if isinstance(exc, SettingsError) else 1)
    _run_flower(settings, url)


def _run_flower(settings: Settings, url: str) -> None:
    os.environ["REDIS_URL"] = url
    from ocr_celery.celery import service_app

    app = service_app()
    # kombu's own transport: Flower takes no task from a queue, and knows queues only behind the URLs that it knows
    app.conf.update(broker_url=url, broker_transport="")
    print_line(f"Flower at http://127.0.0.1:{settings.flower_port} (Ctrl-C stops it, and nothing else)")
    status: object = 1
    try:
        app.start(["--quiet", "flower", "--address=127.0.0.1", f"--port={settings.flower_port}", "--logging=warning"])
        status = 0
    except KeyboardInterrupt:
        status = 0
    except SystemExit as exc:
        status = exc.code or 0
    finally:
        sys.stderr.flush()
        os._exit(
            status if isinstance(status, int) else 1
        )  # nothing to save; it would wait for a thread that waits for Redis


def _wait_for_redis(settings: Settings) -> str:
    """The same as `_find_redis`, once that is possible; what is in the way is said whenever it changes."""
    told = ""
    while True:
        try:
            return _find_redis(settings, here=_HERE)
        except StartupError as exc:
            if str(exc) != told:
                told = str(exc)
                print(f"ocr-celery: {told}; all else runs without Flower", file=sys.stderr, flush=True)
            time.sleep(_RETRY_SECONDS)


def _find_redis(settings: Settings, *, here: str = "") -> str:
    """The URL of the Redis to watch; `here`: where no other is given. Raises `StartupError`."""
    if find_spec("flower") is None:
        raise StartupError("Flower is not installed: pip install '.[flower]'")
    folder = DataDir(settings.data_dir)
    url = settings.redis_url or here or folder.redis_url
    try:
        redis.redis_version(url)
    except (RedisError, ValueError) as exc:
        if settings.redis_url or here:
            reason = explain(exc) if isinstance(exc, RedisError) else str(exc)
            raise StartupError(
                f"Redis at {redis.redact_url(url)} (given by REDIS_URL) does not answer: {reason}"
            ) from None
        raise StartupError(f"nothing is running in {folder.display_path}: make run first, or set REDIS_URL") from None
    if not address.is_port_free("127.0.0.1", settings.flower_port):
        raise StartupError(
            f"port {settings.flower_port} is taken: OCR_FLOWER_PORT={settings.flower_port + 1} make flower"
        )
    return url


if __name__ == "__main__":
    main()
