"""The answers about pages and batches. They are documentation only: the views build their answers themselves.

A `title` is a model's name in the OpenAPI document: generated clients have classes of that name.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ocr_celery.core.status import Status
from ocr_celery.core.verdict import Verdict
from web.document_models import CodeText, ErrorText, FailedPage, Pages, ResultText, Seconds, optional
from web.examples import BATCH_ID, TASK_ID, TIME


class TaskAccepted(BaseModel):
    """The page was accepted and waits."""

    model_config = ConfigDict(title="Accepted")

    task_id: str = Field(examples=[TASK_ID])
    status: Literal["pending"]


class BatchAccepted(BaseModel):
    """The pages were accepted and wait."""

    batch_task_id: str = Field(examples=[BATCH_ID])
    status: Literal["pending"]


class FailedReading(BaseModel):
    """An error that the PDF's own text stands in for."""

    code: str = Field(examples=["page_deadline"])
    error: str


_FontsMissing = Annotated[
    bool,
    Field(
        default_factory=bool,
        description="Present, and true, only if text of the page could not be drawn, for want of fonts on the worker's machine.",
    ),
]
_TextLayerPages = Annotated[
    list[int],
    Field(
        default_factory=list,
        description="Pages of a document whose text is the one that the PDF itself has; present only if there are any.",
        examples=[[3]],
    ),
]
_TextLayer = Annotated[
    bool,
    Field(
        default_factory=bool,
        description="Present, and true, only if `result` is the text that the PDF itself has for the page.",
    ),
]


class Details(BaseModel):
    """How a page was read."""

    finish_reason: str = Field(description="stop: read to its end. length: `max_tokens` was reached first.")
    verdict: Verdict = Field(
        description="A check of the text. repeating: it repeats itself without end. truncated: it is cut off. "
        "unsure: the engine itself doubts a good part of it. empty: there is none."
    )
    doubtful_share: float = Field(
        default_factory=float,
        description="The share of the characters that the engine read with doubt, 0 to 1; present only if it can tell.",
        examples=[0.03],
    )
    readings: int = Field(description="The number of readings; the best one is the result.", examples=[1])
    prompt_tokens: int = Field(description="0 for an engine without tokens.")
    output_tokens: int
    max_tokens: int = Field(
        default_factory=int,
        description="The limit for this page; present only if the model had room for fewer tokens than requested.",
        examples=[7200],
    )
    page: int = Field(
        default_factory=int, description="Its number in the file; present only if it is not the first.", examples=[7]
    )
    width: int = Field(description="Pixels of the upright page.")
    height: int
    engine: str = Field(examples=["rapidocr"])
    model: str = Field(examples=["PP-OCRv6"])
    seconds: Seconds
    source: str = Field(
        default_factory=str,
        description="text_layer: the text is the PDF's own, see the option; else absent.",
        examples=["text_layer"],
    )
    failed_reading: Annotated[
        FailedReading, optional("Why the page was not read; present only if the PDF's own text stands in for it.")
    ]
    fonts_missing: _FontsMissing
    cached: bool = Field(
        default_factory=bool,
        description="Present, and true, only if the page was not read, as the same page had been read a while ago.",
    )
    cached_pages: int = Field(
        default_factory=int,
        description="The number of such pages of a document; present only if there are any.",
        examples=[12],
    )


class LastError(BaseModel):
    """Why the last attempt failed that was, or will be, repeated."""

    error: str = Field(description="A sentence for people.", examples=["example.com took too long to answer."])
    code: str = Field(description="Stable, for programs.", examples=["download_timeout"])


_Source = Annotated[
    str,
    Field(
        default_factory=str,
        description="The file's name, or the URL without user, query and fragment; present only if it is known.",
        examples=["https://example.com/image.jpg"],
    ),
]
_Attempts = Annotated[
    int, Field(description="Attempts that have ended. A page whose source may answer later is tried up to four times.")
]
_LastError = Annotated[LastError, optional("Present only if an attempt failed that was, or will be, repeated.")]
_NextTryAt = Annotated[
    float,
    Field(
        default_factory=float,
        description="The time of the next attempt; present only while the page waits for it.",
        examples=[TIME + 8],
    ),
]
_Position = Annotated[
    int,
    Field(
        default_factory=int,
        description="The approximate number of waiting pages that were sent before it; a page sent alone overtakes those of "
        "batches. Present only while it waits in the queue.",
        examples=[12],
    ),
]
_Details = Annotated[Details, optional("Present only if completed and requested with `?details=true`.")]
_Pages = Annotated[Pages, optional("Present only for a file of several pages, once it was opened.")]
_FailedPages = Annotated[
    list[FailedPage], Field(default_factory=list, description="Present only for a document of several pages.")
]
_Partial = Annotated[
    bool, Field(default_factory=bool, description="true where pages of a completed document are missing, else absent.")
]


class Task(BaseModel):
    """One page. Times are Unix seconds."""

    task_id: str = Field(examples=[TASK_ID])
    status: Status
    created_at: float = Field(examples=[TIME])
    updated_at: float = Field(examples=[TIME + 5])
    source: _Source
    attempts: _Attempts
    last_error: _LastError
    next_try_at: _NextTryAt
    position: _Position
    result: ResultText
    error: ErrorText
    code: CodeText
    details: _Details
    pages: _Pages
    failed_pages: _FailedPages
    partial: _Partial
    text_layer_pages: _TextLayerPages
    text_layer: _TextLayer
    fonts_missing: _FontsMissing
    expires_at: float | None = Field(
        default=None, description="When the result of a document expires; null until it is final.", examples=[None]
    )


class Page(Task):
    """One page of a document."""

    page: int = Field(description="Its number in the file.", examples=[7])


class BatchItem(BaseModel):
    """One page of a batch."""

    model_config = ConfigDict(title="Item")

    url: Any = Field(description="As it was given.", examples=["https://example.com/image1.jpg"])
    task_id: str = Field(examples=[TASK_ID])
    status: Status
    attempts: _Attempts
    last_error: _LastError
    next_try_at: _NextTryAt
    position: _Position
    result: ResultText
    error: ErrorText
    code: CodeText
    details: _Details
    pages: _Pages
    failed_pages: _FailedPages
    partial: _Partial
    text_layer_pages: _TextLayerPages
    text_layer: _TextLayer
    fonts_missing: _FontsMissing


class Batch(BaseModel):
    """A batch and its pages, in the order in which their URLs were given. Times are Unix seconds."""

    batch_task_id: str = Field(examples=[BATCH_ID])
    status: Status = Field(description="completed: all are final and at least one is completed. failed: all failed.")
    total: int = Field(examples=[3])
    completed: int
    failed: int
    pending: int
    processing: int
    results: list[BatchItem]
    created_at: float = Field(examples=[TIME])
    updated_at: float = Field(examples=[TIME + 5])


class Problem(BaseModel):
    """Every error."""

    detail: str = Field(description="A sentence for people.")
    code: str = Field(description="Stable, for programs.")
