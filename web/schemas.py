"""What requests and answers look like: checked where a caller speaks, documented in /openapi.json where we do."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SkipValidation, WithJsonSchema

from ocr_celery.core import options
from ocr_celery.core.status import Status
from ocr_celery.core.url_syntax import MAX_URL
from ocr_celery.core.verdict import Verdict
from web.form_body import FormField

ID = "550e8400-e29b-41d4-a716-446655440000"
BATCH_ID = "550e8400-e29b-41d4-a716-446655440001"
TIME = 1699000000.0
PROMPT = "<image>\n<|grounding|>Convert the document to markdown."


def _no_null(schema: dict[str, Any]) -> None:
    """A form knows no null: a field is there or it is not."""
    for field in schema["properties"].values():
        for choice in field.pop("anyOf", []):
            if choice["type"] != "null":
                field.update(choice)


# -- requests ----------------------------------------------------------------------------------------------------------


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

    task_id: str = Field(description="As answered when the page was sent.", examples=[ID])


class BatchPath(BaseModel):
    """Which batch."""

    batch_task_id: str = Field(description="As answered when the batch was sent.", examples=[BATCH_ID])


class Shape(BaseModel):
    """How text is wanted."""

    model_config = ConfigDict(extra="forbid")

    format: Literal["markdown", "raw"] = Field(
        "markdown", description="markdown: clean markdown. raw: the text as the engine gave it, with its tags."
    )
    details: bool = Field(
        False, description="Add how the page was read: `finish_reason`, tokens, size, engine, seconds."
    )


# -- answers -----------------------------------------------------------------------------------------------------------


class Accepted(BaseModel):
    """The page waits to be read."""

    task_id: str = Field(examples=[ID])
    status: Literal["pending"]


class BatchAccepted(BaseModel):
    """The pages wait to be read."""

    batch_task_id: str = Field(examples=[BATCH_ID])
    status: Literal["pending"]


def _if(status: Status, text: str, example: str) -> Any:
    """A field that is only there when the task stands so."""
    return Field(default_factory=str, description=f"{text}; only when {status}.", examples=[example])


_Result = Annotated[str, _if(Status.COMPLETED, "Text of the page", "# Title\n\nContent…")]
_Error = Annotated[str, _if(Status.FAILED, "Why it failed", "The file is empty.")]
_Code = Annotated[str, _if(Status.FAILED, "The same for programs", "empty_file")]


def _optional(text: str) -> Any:
    """An object that may be missing."""
    return Field(default_factory=dict, description=text)


class Pages(BaseModel):
    """How many pages or frames a file holds, and how many were read."""

    in_file: int = Field(examples=[3])
    read: Literal[1]


class Seconds(BaseModel):
    """Where the time went."""

    waited: float = Field(description="In the queue.")
    prepared: float = Field(description="Fetched and decoded.")
    read: float = Field(description="In the engine.")


class Details(BaseModel):
    """How a page was read."""

    finish_reason: str = Field(description="stop: read to its end. length: `max_tokens` was reached first.")
    verdict: Verdict = Field(
        description="What the text seems worth: repeating = it goes in circles, truncated = cut off."
    )
    readings: int = Field(description="How often the page was read; the best reading is the result.", examples=[1])
    prompt_tokens: int = Field(description="0 for an engine without tokens.")
    output_tokens: int
    max_tokens: int = Field(
        default_factory=int,
        description="What the page was allowed; only where the model had room for fewer tokens than were asked for.",
        examples=[7200],
    )
    width: int = Field(description="Pixels of the upright page.")
    height: int
    engine: str = Field(examples=["rapidocr"])
    model: str = Field(examples=["PP-OCRv6"])
    seconds: Seconds
    pages: Annotated[Pages, _optional("Only where a file holds more than one page.")]


class LastError(BaseModel):
    """Why the last try failed that was, or is to be, repeated."""

    error: str = Field(description="A sentence for people.", examples=["example.com took too long to answer."])
    code: str = Field(description="Stable, for programs.", examples=["download_timeout"])


_Source = Annotated[
    str,
    Field(
        default_factory=str,
        description="The file's name, or the URL without user, query and fragment; only where it is known.",
        examples=["https://example.com/image.jpg"],
    ),
]
_Attempts = Annotated[
    int, Field(description="Tries that have ended. A page whose source may answer later is tried up to four times.")
]
_LastError = Annotated[LastError, _optional("Only where a try failed that is, or was, repeated.")]
_NextTryAt = Annotated[
    float,
    Field(
        default_factory=float,
        description="When it is tried again; only while it waits for that.",
        examples=[TIME + 8],
    ),
]
_Position = Annotated[
    int,
    Field(
        default_factory=int,
        description="About how many pages were sent before it and wait too; only while it waits in the queue.",
        examples=[12],
    ),
]
_Details = Annotated[Details, _optional("Only when completed and asked for with `?details=true`.")]
_Pages = Annotated[
    Pages, _optional("Only when completed and the file holds more pages than the first, which was read.")
]


class Task(BaseModel):
    """One page. Times are Unix seconds."""

    task_id: str = Field(examples=[ID])
    status: Status
    created_at: float = Field(examples=[TIME])
    updated_at: float = Field(examples=[TIME + 5])
    source: _Source
    attempts: _Attempts
    last_error: _LastError
    next_try_at: _NextTryAt
    position: _Position
    result: _Result
    error: _Error
    code: _Code
    details: _Details
    pages: _Pages


class Item(BaseModel):
    """One page of a batch."""

    url: Any = Field(description="As it was given.", examples=["https://example.com/image1.jpg"])
    task_id: str = Field(examples=[ID])
    status: Status
    attempts: _Attempts
    last_error: _LastError
    next_try_at: _NextTryAt
    position: _Position
    result: _Result
    error: _Error
    code: _Code
    details: _Details
    pages: _Pages


class Batch(BaseModel):
    """A batch and its pages, in the order in which their URLs were given. Times are Unix seconds."""

    batch_task_id: str = Field(examples=[BATCH_ID])
    status: Status = Field(description="completed: all are final and one at least is completed; failed: all failed.")
    total: int = Field(examples=[3])
    completed: int
    failed: int
    pending: int
    processing: int
    results: list[Item]
    created_at: float = Field(examples=[TIME])
    updated_at: float = Field(examples=[TIME + 5])


class Problem(BaseModel):
    """Every error."""

    detail: str = Field(description="A sentence for people.")
    code: str = Field(description="Stable, for programs.")


class Checks(BaseModel):
    """What was looked at."""

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
    checks: Checks


class Ready(BaseModel):
    """A task sent now is worked on."""

    ready: Literal[True]
    workers: int = Field(description="Workers whose engine is loaded and alive.", examples=[1])


class Figures(BaseModel):
    """How many tasks stand where; finished ones count until their results expire."""

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
