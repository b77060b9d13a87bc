"""`make flower`: Flower in front of the Redis of the running `make run`, or of REDIS_URL, on this machine only."""

import os
import sys

from redis.exceptions import RedisError

from ocr_celery.local import Problem, address, redis
from ocr_celery.local.folder import Folder
from ocr_celery.local.say import say
from ocr_celery.settings import Settings, SettingsError, load_settings
from ocr_celery.store.refusal import why


def main() -> None:
    """The exit code: 0 when stopped by the user, 1 when nothing is there to watch, 2 when a setting is wrong."""
    try:
        settings = load_settings()
        url = _watched(settings)
        if not address.is_free("127.0.0.1", settings.flower_port):
            raise Problem(
                f"port {settings.flower_port} is taken: OCR_FLOWER_PORT={settings.flower_port + 1} make flower"
            )
    except (SettingsError, Problem) as exc:
        print(f"ocr-celery: {exc}", file=sys.stderr)
        sys.exit(2 if isinstance(exc, SettingsError) else 1)
    os.environ["REDIS_URL"] = url
    from ocr_celery.app import app

    # kombu's own transport: Flower takes no task from a queue, and knows queues only behind the URLs that it knows
    app.conf.update(broker_url=url, broker_transport="")
    say(f"Flower at http://127.0.0.1:{settings.flower_port} (Ctrl-C stops it, and nothing else)")
    try:
        app.start(["--quiet", "flower", "--address=127.0.0.1", f"--port={settings.flower_port}", "--logging=warning"])
    finally:
        os._exit(0)  # it has nothing to save, and would wait for a thread that waits for Redis


def _watched(settings: Settings) -> str:
    folder = Folder(settings.data_dir)
    url = settings.redis_url or folder.redis_url
    try:
        redis.said(url)
    except (RedisError, ValueError) as exc:
        if settings.redis_url:
            reason = why(exc) if isinstance(exc, RedisError) else str(exc)
            raise Problem(f"Redis at {redis.shown(url)} (given by REDIS_URL) does not answer: {reason}") from None
        raise Problem(f"nothing is running in {folder.shown}: make run first, or set REDIS_URL") from None
    return url


if __name__ == "__main__":
    main()
