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
from ocr_celery.setting_types import BindAddress, Networks, RedisUrl, RootPath, StoreSetting, Words


class SettingsError(ValueError):
    """A setting is wrong; the message is one line that names the variable, what it got and what it wants."""


EngineName = Literal["auto", "vllm", "rapidocr", "scripted"]
LOCAL_REDIS = "redis://127.0.0.1:6379/0"  #: where no other is named


class Settings(BaseModel):
    """What the service runs with, as it is given here: the environment is read by `load_settings`.

    Each description states its unit; docs/generate.py writes docs/settings.md and `.env.example` from them.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    # Redis and the queue
    redis_url: RedisUrl = Field(
        "",
        validation_alias=AliasChoices("OCR_REDIS_URL", "REDIS_URL"),
        description="the Redis that keeps tasks and results: `redis://`, `rediss://` or `redis+socket:///path`. "
        "Empty: `make run` starts its own, everything else uses `redis://127.0.0.1:6379/0`. "
        "`OCR_REDIS_URL` takes precedence over it",
    )
    queue: str = Field(
        "ocr",
        pattern=r"^[^{}\s]+$",
        description="name of the Redis list in which tasks wait; services that share a Redis need different names",
    )
    max_queue_size: int = Field(
        100, ge=1, description="unfinished tasks accepted before the facade answers 503; one batch may exceed it"
    )
    max_batch_urls: int = Field(1000, ge=1, le=10_000, description="URLs in one batch")
    task_ttl: int = Field(3600, ge=1, description="seconds that a result is kept")
    cache_ttl: int = Field(
        0,
        ge=0,
        description="seconds for which what was read on a page answers further pages with exactly the same pixels, read in "
        "the same way; 0: every page is read",
    )
    cleanup_interval: float = Field(300, gt=0, description="seconds between two removals of expired records")

    # Files
    store: StoreSetting = Field(
        "",
        description="where uploaded files lie until they are read: `redis:`, a folder that facade and workers share, "
        "`file:///path`, or `s3://bucket/prefix` (extra `[s3]`); each queue has a subfolder of its own there. Empty: "
        "`make run` with a Redis of its own uses the folder `files` in `OCR_DATA_DIR`, everything else `redis:`",
    )
    keep_files: bool = Field(
        True,
        description="whether the file of a page or document that was read stays in the store as long as its result: "
        "exports with pictures need it (`zip`, `/pages/{n}/image`). `false`: it is deleted once it was read. In Redis "
        "files are never kept",
    )
    spool_mb: int = Field(
        1024,
        ge=1,
        description="megabytes (1024 x 1024 bytes) of the store's files that a worker keeps on its disk, in `TMPDIR`; "
        "files that are being read may need more",
    )

    # Exports
    export_seconds: float = Field(
        1800, gt=0, description="seconds that making one export may take; then it fails (`export_failed`)"
    )

    # Batches
    batch_size: int = Field(8, ge=1, le=1024, description="pages in the engine at once")
    batch_timeout: float = Field(
        0.1,
        ge=0,
        le=60,
        description="seconds that the first page of a batch waits for others while the engine is idle",
    )
    batch_mode: Literal["continuous", "barrier"] = Field(
        "continuous",
        description="`continuous`: a free slot is filled at once. `barrier`: a batch enters when the previous one has "
        "left",
    )
    prepare_threads: int = Field(
        8,
        ge=1,
        le=64,
        description="stored images prepared at once; URLs: twice as many, of which one host or one batch gets at most "
        "this many",
    )
    prepare_seconds: float = Field(
        30, gt=0, le=600, description="seconds that decoding a page may take; then the page fails (`page_too_costly`)"
    )
    max_rereads: int = Field(
        2, ge=0, le=10, description="further readings of a page whose text repeats itself or was cut off; 0: none"
    )
    page_deadline: float = Field(600, gt=0, description="seconds that a page may be in the engine")

    # The engine
    engine: EngineName = Field(
        "auto",
        description="`auto`: `vllm` where it is installed and finds a GPU, else `rapidocr`. `scripted` reads nothing: "
        "it is for tests and load",
    )
    model_path: str = Field(
        "deepseek-ai/DeepSeek-OCR", description="the model: a name on the Hugging Face hub, or a folder"
    )
    gpu_memory_util: float = Field(0.8, gt=0, le=1, description="the share of the GPU's memory that vLLM may take")
    max_model_len: int = Field(8192, ge=1024, description="tokens of prompt, image and answer together")
    tensor_parallel_size: int = Field(1, ge=1, description="GPUs that one model is spread over")
    engine_watchdog: float = Field(
        30,
        gt=0,
        description="seconds without a step, with pages in the engine, after which vLLM counts as hung and is "
        "restarted",
    )
    cpu_threads: int = Field(
        0, ge=0, le=64, description="pages that the CPU engine reads at once; 0: one per core, 2 at most"
    )
    rapid_runtime: Literal["auto", "openvino", "onnxruntime"] = Field(
        "auto",
        description="what runs the CPU engine's models. `auto`: OpenVINO where it is installed and needs clearly less time of "
        "this processor than ONNX Runtime, which the first start tries out and `OCR_DATA_DIR` remembers",
    )

    # The scripted engine
    scripted_seconds: float = Field(0.4, ge=0, description="seconds that a batch stays in the engine")
    scripted_spread: float = Field(0, ge=0, description="seconds by which the pages of a batch differ")
    scripted_hold: str = Field(
        "", description="folder; a page stays in the engine while a file there is named by the width of its picture"
    )
    scripted_fail: Words = Field((), description="words; a page whose prompt contains one of them fails")
    scripted_loop: Words = Field((), description="words; such a page repeats itself until it is read again")
    scripted_hang: Words = Field((), description="words; such a page never ends")
    scripted_kill: Words = Field((), description="words; such a page kills the worker")
    scripted_kill_early: Words = Field((), description="words; such a page kills the worker while it is prepared")
    scripted_break: Words = Field((), description="words; such a page breaks the engine")
    scripted_die_after: int = Field(0, ge=0, description="pages after which the engine breaks; 0: never")

    # Limits on input
    max_image_size_mb: float = Field(20, gt=0, le=512, description="megabytes (1024 x 1024 bytes) of a file")
    max_document_mb: float = Field(
        200, gt=0, le=2048, description="megabytes of a document: a PDF, or a TIFF, which may have several pages"
    )
    max_document_pages: int = Field(1000, ge=1, le=10_000, description="pages of a document that are read")
    max_image_pixels: int = Field(64_000_000, ge=1, description="pixels of an image")
    image_download_timeout: float = Field(30, gt=0, description="seconds that a whole download may take")
    max_redirects: int = Field(5, ge=0, le=50, description="redirects that a download may follow")
    url_allow: Words = Field(
        (), description="private hosts, addresses or networks that URLs may lead to; all others are refused"
    )

    # How pages are read unless the caller says otherwise
    default_prompt: str = Field(prompts.MARKDOWN, description="the prompt; `\\n` is a line break")
    default_temperature: float = Field(
        0.0, ge=options.TEMPERATURE[0], le=options.TEMPERATURE[1], description="0: always the likeliest token"
    )
    default_max_tokens: int = Field(
        8192, ge=options.MAX_TOKENS[0], le=options.MAX_TOKENS[1], description="tokens of an answer"
    )
    ngram_size: int = Field(
        30,
        ge=options.NGRAM_SIZE[0],
        le=options.NGRAM_SIZE[1],
        description="no run of this many tokens is repeated within `OCR_WINDOW_SIZE` tokens",
    )
    window_size: int = Field(
        90,
        ge=options.WINDOW_SIZE[0],
        le=options.WINDOW_SIZE[1],
        description="tokens within which a run of `OCR_NGRAM_SIZE` tokens is not repeated",
    )

    # The facade and the processes of make run
    host: BindAddress = Field(
        "0.0.0.0", description="the address the facade listens on; `127.0.0.1`: reachable from this machine only"
    )
    port: int = Field(8000, ge=1, le=65535, description="the port of the facade")
    root_path: RootPath = Field(
        "",
        description="the path under which a proxy publishes the service, such as `/ocr-service`; the proxy may strip "
        "it or keep it",
    )
    trusted_proxies: Networks = Field(
        (),
        description="addresses or networks of proxies whose `X-Forwarded-For`, `-Proto`, `-Host` and `-Prefix` count; "
        "those of all others are ignored",
    )
    upload_timeout: float = Field(
        60,
        gt=0,
        description="seconds that a request may take to arrive, and more as it is large: see `OCR_UPLOAD_RATE`",
    )
    upload_rate: float = Field(
        256,
        gt=0,
        description="kilobytes (1024 bytes) a second: a request gets one more second for each such amount that has arrived",
    )
    web_threads: int = Field(16, ge=1, le=256, description="requests that each process of the facade answers at once")
    web_waits: int = Field(
        64,
        ge=0,
        le=2000,
        description="requests with `?wait=`, and streams of events, that each process of the facade holds at once, beyond "
        "`OCR_WEB_THREADS`; with more the answer comes at once, as things stand. 0: none waits",
    )
    web_processes: int = Field(2, ge=1, le=64, description="processes of the facade")
    workers: int = Field(1, ge=1, le=64, description="workers of `make run`, each with its own engine: one a GPU")
    flower_port: int = Field(5555, ge=1, le=65535, description="the port of `make flower`")
    data_dir: Path = Field(
        Path(".ocr"),
        description="the folder of `make run`: its Redis's data, uploaded files, log and lock; what vLLM compiles, "
        "and which of the CPU engine's runtimes is faster here",
    )
    grace: float = Field(30, gt=0, description="seconds that processes of `make run` may take to finish their pages")

    # Logs
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="the lowest level logged")
    log_format: Literal["auto", "text", "json"] = Field(
        "auto", description="`auto`: text on a terminal and under `make run`, else JSON"
    )

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
        return ServiceFacts(
            queue_limit=self.max_queue_size,
            task_ttl=self.task_ttl,
            options=self.options(),
            store=self.store_address,
        )

    @property
    def redis_address(self) -> str:
        """Where the service's Redis is, where no other is named too."""
        return self.redis_url or LOCAL_REDIS

    @property
    def store_address(self) -> str:
        """Where uploaded files lie, where nothing is said too."""
        return self.store or "redis:"

    @property
    def max_image_bytes(self) -> int:
        """The largest file accepted, in bytes."""
        return int(self.max_image_size_mb * 1024 * 1024)

    @property
    def max_document_bytes(self) -> int:
        """The largest document accepted, in bytes."""
        return int(self.max_document_mb * 1024 * 1024)


class _FromEnvironment(BaseSettings, Settings):
    """The settings that the environment and `.env` hold."""

    model_config = SettingsConfigDict(
        env_prefix="OCR_", env_file=".env", env_ignore_empty=True, frozen=True, extra="ignore", populate_by_name=True
    )


def load_settings() -> Settings:
    """The settings of one of the service's own programs. Raises `SettingsError`, whose message is one line."""
    from ocr_celery.env_file import check_env_file  # which raises the error of this module

    check_env_file()
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
