"""What requests look like: validated where a caller sends them, and documented in /openapi.json."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SkipValidation, WithJsonSchema

from ocr_celery.core import options
from ocr_celery.core.url_syntax import MAX_URL
from web.examples import BATCH_ID, PROMPT, TASK_ID
from web.form_body import FormField


def _no_null(schema: dict[str, Any]) -> None:
    """A form knows no null: a field is there or it is not."""
    for field in schema["properties"].values():
        for choice in field.pop("anyOf", []):
            if choice["type"] != "null":
                field.update(choice)


class ReadingOptions(BaseModel):
    """How a page is to be read; what is not given is as the service is configured."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    prompt: str | None = Field(
        None,
        max_length=options.MAX_PROMPT,
        description="What to do. A literal \\n is a newline; `<image>` is put in front where it is missing.",
    )
    temperature: float | None = Field(
        None, ge=options.TEMPERATURE[0], le=options.TEMPERATURE[1], description="0 = always the likeliest token."
    )
    max_tokens: int | None = Field(
        None, ge=options.MAX_TOKENS[0], le=options.MAX_TOKENS[1], description="Most tokens to generate for the page."
    )
    ngram_size: int | None = Field(
        None,
        ge=options.NGRAM_SIZE[0],
        le=options.NGRAM_SIZE[1],
        description="A run of this many tokens may not repeat within `window_size` tokens.",
    )
    window_size: int | None = Field(
        None, ge=options.WINDOW_SIZE[0], le=options.WINDOW_SIZE[1], description="Tokens, see `ngram_size`."
    )

    def given(self) -> dict[str, Any]:
        """The options that were given."""
        return {name: value for name in options.NAMES if (value := getattr(self, name)) is not None}


class Upload(ReadingOptions):
    """One image as a file. (curl: `--form-string "prompt=<image>…"`, since `-F "prompt=<…"` makes curl read a file.)"""

    model_config = ConfigDict(json_schema_extra=_no_null)

    file: Annotated[SkipValidation[FormField], WithJsonSchema({"type": "string", "format": "binary"})] = Field(
        description="JPEG, PNG, WebP, TIFF, GIF, BMP, HEIC, AVIF or JPEG 2000; its name is only a label."
    )


class UrlRequest(ReadingOptions):
    """One image behind a URL."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "url": "https://example.com/image.jpg",
                "prompt": PROMPT,
                "temperature": 0.0,
                "max_tokens": 8192,
            }
        }
    )

    url: str = Field(
        min_length=1,
        max_length=MAX_URL,
        description="http or https, without user name or password. It is fetched later: a URL that leads to no image is a "
        "task that fails.",
    )


class BatchRequest(ReadingOptions):
    """Many images behind URLs, read with the same options."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "urls": [f"https://example.com/image{n}.jpg" for n in (1, 2, 3)],
                "prompt": PROMPT,
                "temperature": 0.0,
                "max_tokens": 8192,
            }
        }
    )

    urls: list[Any] = Field(
        min_length=1,
        description="URLs. Whatever else stands in the list is an item that fails and harms no other.",
    )


class TaskPath(BaseModel):
    """Which task."""

    task_id: str = Field(description="As answered when the page was sent.", examples=[TASK_ID])


class BatchPath(BaseModel):
    """Which batch."""

    batch_task_id: str = Field(description="As answered when the batch was sent.", examples=[BATCH_ID])


class ResultQuery(BaseModel):
    """How text is wanted."""

    model_config = ConfigDict(extra="forbid")

    format: Literal["markdown", "raw"] = Field(
        "markdown", description="markdown: clean markdown. raw: the text as the engine gave it, with its tags."
    )
    details: bool = Field(
        False, description="Add how the page was read: `finish_reason`, tokens, size, engine, seconds."
    )
