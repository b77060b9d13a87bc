"""What may be asked for of the call that returns a result as a file."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from ocr_celery.core import chunks
from web.request_models import MAX_WAIT


class ResultFileQuery(BaseModel):
    """Which file a result is returned as."""

    model_config = ConfigDict(extra="forbid")

    format: Literal["md", "text", "json", "raw", "chunks", "html", "csv", "xlsx", "zip", "pdf", "docx"] = Field(
        "md",
        description="md: clean markdown. text: without markup. json: blocks with their places. raw: as the engine wrote it. "
        "chunks: cut at headings and paragraphs. html: one document, to be read and printed. csv, xlsx: its tables. "
        "zip: markdown and html with their figures, and blocks. pdf: searchable. docx: for Word.",
    )
    chunk_size: int = Field(
        chunks.DEFAULT_SIZE,
        ge=chunks.SIZES[0],
        le=chunks.SIZES[1],
        description="Characters of a chunk; a table or code is never cut, and may have more.",
    )
    table: int = Field(0, ge=0, description="csv, xlsx: this table only, from 1 in the order of the result; 0: all.")
    merge_tables: bool = Field(
        False,
        description="csv, xlsx, md, html: join tables that go on on the next page, where their headings are repeated there.",
    )
    page: int | None = Field(None, ge=1, description="This page only, from 1, as soon as it is read.")
    render: Literal["", "html"] = Field(
        "",
        description="html: in json, every block has `html`, harmless wherever it is shown; otherwise only those with tables.",
    )
    wait: float = Field(
        0,
        ge=0,
        le=MAX_WAIT,
        description="zip, pdf, docx: seconds to wait until the task is completed or failed, and the file is made.",
    )
    partial: bool = Field(
        False,
        description="Of a document also what there is so far, or of one that failed; pages that are missing say so.",
    )
