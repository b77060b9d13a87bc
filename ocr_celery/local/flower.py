"""`make flower`: runs Flower on the Redis of the running `make run`, or of REDIS_URL; reachable from this machine only.

`--stay` is for the Procfile, where one program that ends stops all others: it prints what is missing and waits for it.
"""

import os
import signal
import sys
import time
from importlib.util import find_spec

from redis.exceptions import RedisError

from ocr_celery.local import LocalRunError, address, redis
from ocr_celery.local.console import print_line
from ocr_celery.local.data_dir import DataDir
from ocr_celery.settings import LOCAL_REDIS, Settings, SettingsError, load_settings
from ocr_celery.store.redis_errors import explain

_RETRY_SECONDS = 5.0  #: seconds between two checks whether what was missing is there


def main() -> None:
    """Exit with 0 after a stop by the user, 1 if Flower cannot run, 2 if a setting is wrong."""
    stay = "--stay" in sys.argv[1:]
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    try:
        settings = load_settings()
        url = _wait_for_redis(settings) if stay else _find_redis(settings)
    except KeyboardInterrupt:
        sys.exit(0)
    except (SettingsError, LocalRunError) as exc:
        print(f"ocr-celery: {exc}", file=sys.stderr)
        sys.exit(2 if isinstance(exc, SettingsError) else 1)
    _run_flower(settings, url)


def _run_flower(settings: Settings, url: str) -> None:
    os.environ["REDIS_URL"] = url
    from ocr_celery.celery import service_app

    app = service_app()
    # kombu's own transport: Flower takes no tasks, and counts queues only behind URL schemes that it knows
    app.conf.update(broker_url=url, broker_transport="")
    print_line(f"Flower at http://127.0.0.1:{settings.flower_port} (Ctrl-C stops Flower only)")
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
        )  # an ordinary exit would wait for a thread that waits for Redis


def _wait_for_redis(settings: Settings) -> str:
    """The URL of the Redis to watch, as soon as Flower can run; prints what is missing whenever that changes."""
    reported = ""
    while True:
        try:
            return _find_redis(settings, default=LOCAL_REDIS)
        except LocalRunError as exc:
            if str(exc) != reported:
                reported = str(exc)
                print(f"ocr-celery: {reported}; everything else runs without Flower", file=sys.stderr, flush=True)
            time.sleep(_RETRY_SECONDS)


def _find_redis(settings: Settings, *, default: str = "") -> str:
    """The URL of the Redis to watch. `default`: used if REDIS_URL names none. Raises `LocalRunError`."""
    if find_spec("flower") is None:
        raise LocalRunError("Flower is not installed: pip install '.[flower]'")
    folder = DataDir(settings.data_dir)
    url = settings.redis_url or default or folder.redis_url
    try:
        redis.redis_version(url)
    except (RedisError, ValueError) as exc:
        if settings.redis_url or default:
            origin = "given by REDIS_URL" if settings.redis_url else "REDIS_URL is not set"
            reason = explain(exc) if isinstance(exc, RedisError) else str(exc)
            raise LocalRunError(f"Redis at {redis.redact_password(url)} ({origin}) does not answer: {reason}") from None
        raise LocalRunError(
            f"no Redis is running in {folder.display_path}: start make run first, or set REDIS_URL"
        ) from None
    if not address.is_port_free("127.0.0.1", settings.flower_port):
        raise LocalRunError(
            f"port {settings.flower_port} is taken: OCR_FLOWER_PORT={settings.flower_port + 1} make flower"
        )
    return url


if __name__ == "__main__":
    main()
