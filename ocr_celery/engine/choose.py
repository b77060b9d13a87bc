"""Which engine a worker runs, by OCR_ENGINE."""

import os

from ocr_celery.engine import Engine
from ocr_celery.settings import Settings, SettingsError

_MOST_CPU_THREADS = 2  #: pages read at once unless OCR_CPU_THREADS says otherwise: more would outgrow 2 GiB a worker


def choose(settings: Settings) -> Engine:
    """The configured engine, not started yet. Raises `SettingsError` when it cannot be had here."""
    if settings.engine == "scripted":
        from ocr_celery.engine.scripted import Script, ScriptedEngine

        return ScriptedEngine(
            Script(
                places=settings.batch_size,
                seconds=settings.scripted_seconds,
                spread=settings.scripted_spread,
                fail=settings.scripted_fail,
                loop=settings.scripted_loop,
                hang=settings.scripted_hang,
                kill=settings.scripted_kill,
                breaks=settings.scripted_break,
                die_after=settings.scripted_die_after,
            )
        )
    if settings.engine == "vllm":
        raise SettingsError("OCR_ENGINE: vllm is not part of this release yet; use rapidocr or auto")
    try:
        import rapidocr  # noqa: F401
    except ImportError:
        raise SettingsError("OCR_ENGINE: rapidocr is not installed; pip install 'ocr-celery[cpu]'") from None
    from ocr_celery.engine.rapid import RapidEngine

    threads = settings.cpu_threads or min(_MOST_CPU_THREADS, os.cpu_count() or 1)
    return RapidEngine(threads=min(threads, settings.batch_size))
