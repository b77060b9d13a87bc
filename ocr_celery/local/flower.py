"""`make flower`: Flower in front of the Redis of the running `make run`, or of REDIS_URL, on this machine only.

With `--stay`, for the Procfile, whose processes end all together: what is missing is said and waited for.
"""

import os
import signal
import sys
import time
from importlib.util import find_spec

from redis.exceptions import RedisError

from ocr_celery.local import Problem, address, redis
from ocr_celery.local.console import say
from ocr_celery.local.data_dir import Folder
from ocr_celery.settings import Settings, SettingsError, load_settings
from ocr_celery.store.redis_errors import why

_AGAIN = 5.0  #: seconds between two looks whether what was missing is there
_HERE = "redis://127.0.0.1:6379/0"  #: where the other lines of the Procfile look without REDIS_URL


def main() -> None:
    """The exit code: 0 when stopped by the user, 1 when it cannot run, 2 when a setting is wrong."""
    stay = "--stay" in sys.argv[1:]
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    try:
        settings = load_settings()
        url = _awaited(settings) if stay else _watched(settings)
    except KeyboardInterrupt:
        sys.exit(0)
    except (SettingsError, Problem) as exc:
        print(f"ocr-celery: {exc}", file=sys.stderr)
        sys.exit(2 if isinstance(exc, SettingsError) else 1)
    _run(settings, url)


def _run(settings: Settings, url: str) -> None:
    os.environ["REDIS_URL"] = url
    from ocr_celery.celery import service_app

    app = service_app()
    # kombu's own transport: Flower takes no task from a queue, and knows queues only behind the URLs that it knows
    app.conf.update(broker_url=url, broker_transport="")
    say(f"Flower at http://127.0.0.1:{settings.flower_port} (Ctrl-C stops it, and nothing else)")
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


def _awaited(settings: Settings) -> str:
    """The same as `_watched`, once that is possible; what is in the way is said whenever it changes."""
    told = ""
    while True:
        try:
            return _watched(settings, here=_HERE)
        except Problem as exc:
            if str(exc) != told:
                told = str(exc)
                print(f"ocr-celery: {told}; all else runs without Flower", file=sys.stderr, flush=True)
            time.sleep(_AGAIN)


def _watched(settings: Settings, *, here: str = "") -> str:
    """The URL of the Redis to watch; `here`: where no other is given. Raises `Problem`."""
    if find_spec("flower") is None:
        raise Problem("Flower is not installed: pip install '.[flower]'")
    folder = Folder(settings.data_dir)
    url = settings.redis_url or here or folder.redis_url
    try:
        redis.said(url)
    except (RedisError, ValueError) as exc:
        if settings.redis_url or here:
            reason = why(exc) if isinstance(exc, RedisError) else str(exc)
            raise Problem(f"Redis at {redis.shown(url)} (given by REDIS_URL) does not answer: {reason}") from None
        raise Problem(f"nothing is running in {folder.shown}: make run first, or set REDIS_URL") from None
    if not address.is_free("127.0.0.1", settings.flower_port):
        raise Problem(f"port {settings.flower_port} is taken: OCR_FLOWER_PORT={settings.flower_port + 1} make flower")
    return url


if __name__ == "__main__":
    main()
