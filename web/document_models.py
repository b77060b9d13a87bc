"""The answers about documents and their pages, and the fields that all answers about tasks share; see `response_models`."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from ocr_celery.core.status import Status
from ocr_celery.core.verdict import Verdict
from web.examples import TASK_ID


def only_if(status: Status, text: str, example: str) -> Any:
    """A field that is present only if the task has this status."""
    return Field(default_factory=str, description=f"{text}; only when {status}.", examples=[example])


ResultText = Annotated[str, only_if(Status.COMPLETED, "Text of the page", "# Title\n\nContent…")]
ErrorText = Annotated[str, only_if(Status.FAILED, "Why it failed", "The file is empty.")]
CodeText = Annotated[str, only_if(Status.FAILED, "A stable code for programs", "empty_file")]


def optional(text: str) -> Any:
    """An object that may be absent."""
    return Field(default_factory=dict, description=text)


class Pages(BaseModel):
    """The pages of a document, or the frames of an animation, of which the first is read (`read`)."""

    in_file: int = Field(examples=[500])
    range: str = Field(default_factory=str, description="Those that are read.", examples=["1-120"])
    total: int = Field(default_factory=int, description="How many those are.", examples=[120])
    completed: int = Field(default_factory=int, examples=[40])
    failed: int = Field(default_factory=int, examples=[1])
    processing: int = Field(default_factory=int, examples=[8])
    pending: int = Field(default_factory=int, examples=[71])
    read: Literal[1] = Field(default=1, description="Present only for a file of which one page is read.")


class FailedPage(BaseModel):
    """A page of a document that could not be read."""

    page: int = Field(examples=[7])
    code: str = Field(examples=["page_deadline"])
    error: str


class Seconds(BaseModel):
    """The duration of each phase."""

    waited: float = Field(description="In the queue.")
    prepared: float = Field(description="Fetching, decoding and what the engine prepares.")
    read: float = Field(description="In the engine.")


class ListedPage(BaseModel):
    """One page of a document in a list, without its text."""

    page: int = Field(examples=[7])
    task_id: str = Field(examples=[TASK_ID])
    status: Status
    verdict: Verdict = Field(default=Verdict.OK, description="Present only when completed.")
    doubtful_share: float = Field(
        default_factory=float,
        description="The share of the characters that the engine read with doubt, 0 to 1; present only if it can tell.",
        examples=[0.03],
    )
    code: CodeText
    error: ErrorText
    seconds: Annotated[Seconds, optional("Present only when completed.")]
    width: int = Field(default_factory=int, description="Pixels of the upright page; present only when completed.")
    height: int = Field(default_factory=int)
    source: str = Field(default_factory=str, description="text_layer where the text is the PDF's own.")


class DocumentPages(BaseModel):
    """Pages of a document, in their order."""

    task_id: str = Field(examples=[TASK_ID])
    status: Status
    pages: list[ListedPage]
    next_after: int = Field(
        default_factory=int, description="Present only if there are more: ask with `?after=` this.", examples=[100]
    )
