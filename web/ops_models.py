"""What is answered to those who watch the service: /health, /ready, /stats and /."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class HealthChecks(BaseModel):
    """What was looked at."""

    model_config = ConfigDict(title="Checks")

    redis: Literal["ok", "away"]
    eviction: str = Field(
        description="What Redis does when it is full, its maxmemory-policy, or unknown. Anything but noeviction loses pages.",
        examples=["noeviction"],
    )
    workers: int = Field(description="Workers whose engine is loaded and alive.", examples=[1])


class Health(BaseModel):
    """degraded: no worker is ready, tasks wait; or Redis may drop pages when it is full. unhealthy: it does not answer."""

    status: Literal["healthy", "degraded", "unhealthy"]
    message: str = Field(examples=["1 worker is ready."])
    checks: HealthChecks


class Ready(BaseModel):
    """A task sent now is worked on."""

    ready: Literal[True]
    workers: int = Field(description="Workers whose engine is loaded and alive.", examples=[1])


class StatsResponse(BaseModel):
    """How many tasks stand where; finished ones count until their results expire."""

    model_config = ConfigDict(title="Figures")

    total: int = Field(examples=[45])
    pending: int
    processing: int
    completed: int
    failed: int
    queue_limit: int = Field(description="Unfinished tasks taken in at most; a batch may exceed it.", examples=[100])
    workers: int = Field(description="Workers whose engine is loaded and alive.", examples=[1])


class Index(BaseModel):
    """What this is."""

    name: Literal["ocr-celery"]
    version: str
    docs: str = Field(description="Where all of this can be read and tried.", examples=["/docs"])
    endpoints: dict[str, str]
