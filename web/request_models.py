"""What requests look like: validated where a caller sends them, and documented in /openapi.json."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SkipValidation, WithJsonSchema

from ocr_celery.core import document_options, options
from ocr_celery.core.document_options import TextLayerUse
from ocr_celery.core.export_formats import RESULT_EXPORTS
from ocr_celery.core.page_range import MAX_LENGTH
from ocr_celery.core.url_syntax import MAX_URL
from web.examples import BATCH_ID, PROMPT, TASK_ID
from web.form_body import FormField

_OUTPUTS = "^(({names})(,({names}))*)?$".format(names="|".join(RESULT_EXPORTS))


def _no_null(schema: dict[str, Any]) -> None:
    """Remove null from a schema: a form has a field or it does not."""
    for field in schema["properties"].values():
        for choice in field.pop("anyOf", []):
            if choice["type"] != "null":
                field.update(choice)


class ReadingOptions(BaseModel):
    """Options for reading a page; the service's settings are the defaults."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    prompt: str | None = Field(
        None,
        max_length=options.MAX_PROMPT,
        description="The instruction for the model. A literal \\n is a newline; `<image>` is added in front if it is missing.",
    )
    temperature: float | None = Field(
        None, ge=options.TEMPERATURE[0], le=options.TEMPERATURE[1], description="0 = always the most likely token."
    )
    max_tokens: int | None = Field(
        None,
        ge=options.MAX_TOKENS[0],
        le=options.MAX_TOKENS[1],
        description="The maximum number of tokens to generate for the page.",
    )
    ngram_size: int | None = Field(
        None,
        ge=options.NGRAM_SIZE[0],
        le=options.NGRAM_SIZE[1],
        description="A sequence of this many tokens must not repeat within `window_size` tokens.",
    )
    window_size: int | None = Field(
        None, ge=options.WINDOW_SIZE[0], le=options.WINDOW_SIZE[1], description="Tokens, see `ngram_size`."
    )

    page_range: str | None = Field(
        None,
        max_length=MAX_LENGTH,
        description="Which pages of a document: 1-5,8,r3-r1 or all; pages count from 1, r1 is the last.",
        examples=["1-5,8,r3-r1"],
    )
    password: str | None = Field(
        None,
        max_length=document_options.MAX_PASSWORD,
        description="The password of an encrypted PDF. It stands in no message, log or event.",
        json_schema_extra={"format": "password"},
    )
    text_layer: TextLayerUse | None = Field(
        None,
        description="The text that a PDF itself has for a page. fallback: for a page that could not be read. prefer: where "
        "it is plausible, instead of reading the page. ignore: never.",
    )
    cache: bool | None = Field(
        None,
        description="false: read the page, even where the service has read the same page in the same way a while ago.",
    )

    outputs: str | None = Field(
        None,
        max_length=200,
        pattern=_OUTPUTS,
        description="Formats of the result that are made as soon as it is there, with commas between them: "
        f"{', '.join(RESULT_EXPORTS)}. Others are made when they are asked for.",
        examples=["zip"],
    )

    def given(self) -> dict[str, Any]:
        """The options that were given."""
        return {name: value for name in document_options.ALL_NAMES if (value := getattr(self, name)) is not None}


class Upload(ReadingOptions):
    """A file with one page or more. (curl: `--form-string "prompt=<image>…"`, since `-F "prompt=<…"` makes curl read a file.)"""

    model_config = ConfigDict(json_schema_extra=_no_null)

    file: Annotated[SkipValidation[FormField], WithJsonSchema({"type": "string", "format": "binary"})] = Field(
        description="PDF, TIFF, JPEG, PNG, WebP, GIF, BMP, HEIC, AVIF or JPEG 2000; its name is only a label."
    )


class UrlRequest(ReadingOptions):
    """One image or document behind a URL."""

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
        description="http or https, without user name or password. It is fetched later; if it leads to no "
        "image or document, its task fails.",
    )


class BatchRequest(ReadingOptions):
    """Many images or documents behind URLs, with the same options."""

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
        description="URLs. Any other value in the list is an item that fails and does not affect the others.",
    )


class TaskPath(BaseModel):
    """The path of a task."""

    task_id: str = Field(description="As answered when the page was sent.", examples=[TASK_ID])


class PagePath(TaskPath):
    """The path of a page of a document."""

    page: int = Field(ge=1, description="The number of the page in the file, from 1.", examples=[7])


class PageImageQuery(BaseModel):
    """How a page is shown."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    annotated: bool = Field(
        False,
        description="Draw in what was found: boxes with their labels, in colours by kind, numbered in reading order.",
    )
    wait: float = Field(10, ge=0, le=50, description="Seconds to wait until the picture is made.")


class PagesQuery(BaseModel):
    """Which pages of a document are listed."""

    model_config = ConfigDict(extra="forbid")

    page_range: str = Field("", max_length=MAX_LENGTH, description="As the option; empty: all pages that are read.")
    after: int = Field(0, ge=0, description="List pages behind the one with this number.")
    limit: int = Field(100, ge=1, le=500, description="The number of pages listed at most.")


class BatchPath(BaseModel):
    """The path of a batch."""

    batch_task_id: str = Field(description="As answered when the batch was sent.", examples=[BATCH_ID])


class ResultForm(BaseModel):
    """The form in which text is returned."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    format: Literal["markdown", "raw"] = Field(
        "markdown", description="markdown: clean markdown. raw: the text as the engine gave it, with its tags."
    )
    details: bool = Field(
        False, description="Add how the page was read: `finish_reason`, tokens, size, engine, seconds."
    )


class EventsHeader(BaseModel):
    """What a caller knows already who follows a page or a batch."""

    last_event_id: str = Field(
        "", alias="Last-Event-ID", description="The `id` of the last event received; only what is newer is sent."
    )


MAX_WAIT = 50.0  #: seconds; below the 60 after which the usual proxies give up


class ResultQuery(ResultForm):
    """The same, and how long to wait for it."""

    wait: float = Field(
        0,
        ge=0,
        le=MAX_WAIT,
        description="Seconds to wait until all is completed or failed; the answer comes then, or when they are over. "
        "Where too many requests wait already it comes at once, with `Retry-After`.",
    )


class TaskQuery(ResultQuery):
    """The same, and whether the text is wanted."""

    text: bool = Field(
        True, description="false: leave out `result`, the text; how things stand is cheap to ask for then."
    )
