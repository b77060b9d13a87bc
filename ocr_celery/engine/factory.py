"""Creates the engine that OCR_ENGINE names."""

import os
from importlib.util import find_spec

from ocr_celery.engine.contract import Engine
from ocr_celery.settings import Settings, SettingsError

_DEFAULT_MAX_CPU_THREADS = 2  #: unless OCR_CPU_THREADS is set; more need over 2 GiB a worker


def create_engine(settings: Settings) -> Engine:
    """The configured engine, not started. Raises `SettingsError` where it is not installed."""
    if settings.engine == "scripted":
        from ocr_celery.engine.scripted import Script, ScriptedEngine

        return ScriptedEngine(
            Script(
                capacity=settings.batch_size,
                seconds=settings.scripted_seconds,
                spread=settings.scripted_spread,
                hold=settings.scripted_hold,
                fail=settings.scripted_fail,
                loop=settings.scripted_loop,
                hang=settings.scripted_hang,
                kill=settings.scripted_kill,
                kill_early=settings.scripted_kill_early,
                breaks=settings.scripted_break,
                die_after=settings.scripted_die_after,
            )
        )
    if settings.engine == "vllm" or (settings.engine == "auto" and _has_vllm() and _has_gpu()):
        return _vllm_engine(settings)
    return _rapid_engine(settings)


def check_installed(settings: Settings) -> None:
    """Raise `SettingsError` if a setting names an engine or runtime that is not installed. Loads nothing."""
    if settings.engine == "vllm" and not _has_vllm():
        raise SettingsError("OCR_ENGINE: vllm is not installed; pip install -e '.[gpu]', or use rapidocr")
    if settings.engine == "rapidocr":
        _check_runtime(settings)


def _check_runtime(settings: Settings) -> None:
    if settings.rapid_runtime == "openvino" and find_spec("openvino") is None:
        raise SettingsError("OCR_RAPID_RUNTIME: openvino is not installed; pip install 'ocr-celery[cpu]', or use auto")


def _vllm_engine(settings: Settings) -> Engine:
    check_installed(settings)
    from ocr_celery.engine.vllm.config import VllmConfig
    from ocr_celery.engine.vllm.engine import VllmEngine

    config = VllmConfig(
        path=settings.model_path,
        capacity=settings.batch_size,
        max_model_len=settings.max_model_len,
        gpu_memory_utilization=settings.gpu_memory_util,
        tensor_parallel_size=settings.tensor_parallel_size,
        cache_dir=settings.data_dir / "caches",
    )
    return VllmEngine(config, watchdog=settings.engine_watchdog)


def _has_vllm() -> bool:
    spec = find_spec("vllm")
    return spec is not None and spec.origin is not None  # None for a plain folder of that name


def _has_gpu() -> bool:
    import torch  # installed with vLLM

    return bool(torch.cuda.is_available())


def _rapid_engine(settings: Settings) -> Engine:
    _check_runtime(settings)
    try:
        import rapidocr  # noqa: F401
    except ImportError:
        raise SettingsError("OCR_ENGINE: rapidocr is not installed; pip install 'ocr-celery[cpu]'") from None
    from ocr_celery.engine.rapid.engine import RapidEngine

    threads = settings.cpu_threads or min(_DEFAULT_MAX_CPU_THREADS, os.cpu_count() or 1)
    return RapidEngine(
        min(threads, settings.batch_size), runtime=settings.rapid_runtime, cache_dir=settings.data_dir / "caches"
    )
