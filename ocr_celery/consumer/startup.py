"""Starts what a pipeline works with, or says why a worker cannot start."""

import logging
import time
from collections.abc import Callable

from ocr_celery.consumer.scheduler import EngineScheduler
from ocr_celery.consumer.spool import Spool
from ocr_celery.consumer.stored_files import StoredFiles
from ocr_celery.decode.pool import DecoderPool
from ocr_celery.engine.contract import Engine
from ocr_celery.settings import Settings

log = logging.getLogger(__name__)


class WorkerStartError(Exception):
    """The worker cannot start; the message says why."""


def start_engine(engine: Engine, scheduler: EngineScheduler) -> None:
    """Load the engine, warm. Raises the `SettingsError` that it finds only when it loads."""
    started_at = time.monotonic()
    log.info("engine loading: %s", engine.name)
    engine.start(scheduler.on_outcomes, scheduler.on_engine_failure)
    log.info("engine ready: %s (%s), %.1f s", engine.name, engine.model, time.monotonic() - started_at)


def start_decoder(settings: Settings, engine: Engine, on_failure: Callable[[Exception], None]) -> DecoderPool:
    """The decoder, with its first processes running. Raises `WorkerStartError`."""
    decoder = DecoderPool(
        max_pixels=settings.max_image_pixels,
        max_side=engine.max_side,
        seconds=settings.prepare_seconds,
        on_failure=on_failure,
    )
    try:
        decoder.children.wait_started()
    except Exception as exc:
        decoder.close()
        raise WorkerStartError(f"no process that decodes files can be started: {exc}") from exc
    return decoder


def start_spool(settings: Settings, files: StoredFiles) -> Spool:
    """The spool, empty. Raises `WorkerStartError`."""
    try:
        return Spool(files, max_bytes=settings.spool_mb * 1024 * 1024)
    except OSError as exc:
        raise WorkerStartError(
            f"no folder for files can be made ({exc}); set TMPDIR to one that can be written"
        ) from exc
