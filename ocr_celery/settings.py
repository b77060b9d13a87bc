"""Every setting of the service, read once from the environment and `.env`, checked, and frozen; a wrong one stops the start.

What another service's process reads, which only sends pages: client_settings.py. Nothing else reads the environment.
"""

import os
from collections.abc import Collection
from pathlib import Path
from typing import Literal, Self

from dotenv import dotenv_values
from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from ocr_celery.core import options, prompts
from ocr_celery.core.options import Options
from ocr_celery.core.service_facts import ServiceFacts
from ocr_celery.errors import OcrError
from ocr_celery.setting_types import Host, Networks, RedisUrl, RootPath, Words


class SettingsError(ValueError):
    """A setting is wrong; the message is one line that names the variable, what it got and what it wants."""


LOCAL_REDIS = "redis://127.0.0.1:6379/0"  #: where no other is named


class Settings(BaseModel):
    """What the service runs with, as it is given here: the environment is read by `load_settings`.

    Sizes and times carry their unit in the description; the README shows them in one table.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    # the road
    redis_url: RedisUrl = Field("", validation_alias=AliasChoices("OCR_REDIS_URL", "REDIS_URL"))
    max_queue_size: int = Field(100, ge=1)
    max_batch_urls: int = Field(1000, ge=1, le=10_000)
    task_ttl: int = Field(3600, ge=1, description="seconds")
    cleanup_interval: float = Field(300, gt=0, description="seconds")

    queue: str = Field(
        "ocr", pattern=r"^[^{}\s]+$", description="name of the Redis list that tasks wait in; no braces, no spaces"
    )

    # batching
    batch_size: int = Field(8, ge=1, le=1024)
    batch_timeout: float = Field(0.1, ge=0, le=60, description="seconds")
    batch_mode: Literal["continuous", "barrier"] = "continuous"
    prepare_threads: int = Field(8, ge=1, le=64)
    prepare_seconds: float = Field(30, gt=0, le=600, description="seconds that decoding a page may take")
    max_rereads: int = Field(2, ge=0, le=10)
    page_deadline: float = Field(600, gt=0, description="seconds a page may be inside the engine")

    # engine
    engine: Literal["auto", "vllm", "rapidocr", "scripted"] = "auto"
    model_path: str = "deepseek-ai/DeepSeek-OCR"
    gpu_memory_util: float = Field(0.8, gt=0, le=1)
    max_model_len: int = Field(8192, ge=1024)
    tensor_parallel_size: int = Field(1, ge=1)
    engine_watchdog: float = Field(30, gt=0, description="seconds without a step after which vLLM counts as hung")
    cpu_threads: int = Field(0, ge=0, le=64, description="pages read at once by the CPU engine; 0 = choose")
    scripted_seconds: float = Field(0.4, ge=0, description="seconds a batch stays in the scripted engine")
    scripted_spread: float = Field(0, ge=0, description="seconds by which its pages differ")
    scripted_fail: Words = ()
    scripted_loop: Words = ()
    scripted_hang: Words = ()
    scripted_kill: Words = ()
    scripted_kill_early: Words = ()
    scripted_break: Words = ()
    scripted_die_after: int = Field(0, ge=0, description="pages; 0 = never")

    # what is accepted
    max_image_size_mb: float = Field(20, gt=0, le=512)
    max_image_pixels: int = Field(64_000_000, ge=1)
    image_download_timeout: float = Field(30, gt=0, description="seconds")
    max_redirects: int = Field(5, ge=0, le=50)
    url_allow: Words = ()

    # how pages are read unless the caller says otherwise
    default_prompt: str = prompts.MARKDOWN
    default_temperature: float = Field(0.0, ge=options.TEMPERATURE[0], le=options.TEMPERATURE[1])
    default_max_tokens: int = Field(8192, ge=options.MAX_TOKENS[0], le=options.MAX_TOKENS[1])
    ngram_size: int = Field(30, ge=options.NGRAM_SIZE[0], le=options.NGRAM_SIZE[1])
    window_size: int = Field(90, ge=options.WINDOW_SIZE[0], le=options.WINDOW_SIZE[1])

    # the facade and the processes of `make run`
    host: Host = "0.0.0.0"
    port: int = Field(8000, ge=1, le=65535)
    root_path: RootPath = Field("", description="path below which a proxy shows the service")
    trusted_proxies: Networks = ()
    upload_timeout: float = Field(60, gt=0, description="seconds a request may take to arrive")
    web_threads: int = Field(16, ge=1, le=256)
    web_processes: int = Field(2, ge=1, le=64)
    workers: int = Field(1, ge=1, le=64)
    flower_port: int = Field(5555, ge=1, le=65535)
    data_dir: Path = Path(".ocr")
    grace: float = Field(30, gt=0, description="seconds a stopping worker may take to finish what it reads")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["auto", "text", "json"] = "auto"

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.batch_size > self.max_queue_size:
            raise ValueError(
                f"OCR_BATCH_SIZE={self.batch_size} is more than OCR_MAX_QUEUE_SIZE={self.max_queue_size}: "
                "a batch could never fill; lower the first or raise the second"
            )
        if self.default_max_tokens > self.max_model_len:
            raise ValueError(
                f"OCR_DEFAULT_MAX_TOKENS={self.default_max_tokens} is more than OCR_MAX_MODEL_LEN={self.max_model_len}, "
                "the room for prompt, picture and answer together; lower the first or raise the second"
            )
        try:
            self.options()
        except OcrError as exc:
            raise ValueError(f"OCR_DEFAULT_PROMPT: {exc.message}") from None
        return self

    def options(self) -> Options:
        """The reading options of a page whose sender named none."""
        return Options(
            prompt=self.default_prompt,
            temperature=self.default_temperature,
            max_tokens=self.default_max_tokens,
            ngram_size=self.ngram_size,
            window_size=self.window_size,
        )

    def facts(self) -> ServiceFacts:
        """What a client of a service with these settings has to know."""
        return ServiceFacts(queue_limit=self.max_queue_size, task_ttl=self.task_ttl, options=self.options())

    @property
    def redis_address(self) -> str:
        """Where the service's Redis is, where no other is named too."""
        return self.redis_url or LOCAL_REDIS

    @property
    def max_image_bytes(self) -> int:
        """The largest file accepted, in bytes."""
        return int(self.max_image_size_mb * 1024 * 1024)


class _FromEnvironment(BaseSettings, Settings):
    """The settings that the environment and `.env` hold."""

    model_config = SettingsConfigDict(
        env_prefix="OCR_", env_file=".env", env_ignore_empty=True, frozen=True, extra="ignore", populate_by_name=True
    )


def load_settings() -> Settings:
    """The settings of one of the service's own programs. Raises `SettingsError`, whose message is one line."""
    _refuse_unknown_names()
    try:
        return _FromEnvironment()
    except ValidationError as exc:
        raise SettingsError(one_line(exc)) from None


def _refuse_unknown_names() -> None:
    """A misspelt name would otherwise be ignored in silence, and the default used."""
    known = {f"OCR_{name.upper()}" for name in Settings.model_fields}
    given = {**dotenv_values(".env"), **os.environ}
    for name in sorted(given):
        if name.upper().startswith("OCR_") and name.upper() not in known:
            near = nearest(name.upper(), known)
            raise SettingsError(f"{name}: there is no such setting{f'; did you mean {near}?' if near else ''}")


def nearest(name: str, known: Collection[str], *, cutoff: float = 0.7) -> str | None:
    """The known name that a misspelt one stands for; None where none is near. `cutoff`: from 0 (any) to 1 (the same)."""
    from difflib import get_close_matches

    return next(iter(get_close_matches(name, known, n=1, cutoff=cutoff)), None)


def one_line(exc: ValidationError) -> str:
    """What is wrong, what it got and what it wants."""
    error = exc.errors(include_url=False)[0]
    wants = error["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    if not error["loc"]:
        return wants
    field = str(error["loc"][0])
    name = "REDIS_URL" if field.lower().endswith("redis_url") else f"OCR_{field.upper()}"
    return f"{name}: got {error['input']!r}, wants {wants}"
