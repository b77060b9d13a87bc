"""The answers of /health, /ready, /stats and /; documentation only, as in response_models.py."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class HealthChecks(BaseModel):
    """The single checks."""

    model_config = ConfigDict(title="Checks")

    redis: Literal["ok", "away"]
    eviction: str = Field(
        description="The maxmemory-policy of Redis, or unknown. Any policy but noeviction loses pages when Redis is full.",
        examples=["noeviction"],
    )
    workers: int = Field(description="Workers whose engine is loaded and alive.", examples=[1])


class Health(BaseModel):
    """degraded: no worker is ready, so tasks wait; or Redis may evict pages when it is full. unhealthy: Redis does not answer."""

    status: Literal["healthy", "degraded", "unhealthy"]
    message: str = Field(examples=["1 worker is ready."])
    checks: HealthChecks


class Ready(BaseModel):
    """A task that is sent now would be processed."""

    ready: Literal[True]
    workers: int = Field(description="Workers whose engine is loaded and alive.", examples=[1])


class StatsResponse(BaseModel):
    """The number of tasks by status; finished ones count until their results expire."""

    model_config = ConfigDict(title="Figures")

    total: int = Field(examples=[45])
    pending: int
    processing: int
    completed: int
    failed: int
    queue_limit: int = Field(
        description="The maximum number of unfinished tasks; one batch may exceed it.", examples=[100]
    )
    workers: int = Field(description="Workers whose engine is loaded and alive.", examples=[1])


class Limits(BaseModel):
    """What this service accepts, and for how long it keeps results."""

    max_image_mb: float = Field(description="Megabytes (1024 x 1024 bytes) of an image.", examples=[20])
    max_document_mb: float = Field(description="The same of a PDF or TIFF.", examples=[200])
    max_document_pages: int = Field(examples=[1000])
    max_batch_urls: int = Field(examples=[100])
    result_ttl: int = Field(description="Seconds that a result is kept.", examples=[3600])
    options: dict[str, Any] = Field(description="The reading options that are used where a caller gives none.")


class Index(BaseModel):
    """The service and its calls."""

    name: Literal["ocr-celery"]
    version: str
    docs: str = Field(description="The path of the interactive documentation.", examples=["/docs"])
    endpoints: dict[str, str]
    formats: list[str] = Field(description="The formats that results may be asked for in.", examples=[["md", "text"]])
    limits: Limits
