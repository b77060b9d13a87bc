"""The formats that an exporter makes: a name → the function that writes it, imported when it is needed first.

To add one: a line here, its type in `core/export_formats.py`, and a module in this package with a `WriteExport`.
"""

from collections.abc import Mapping
from importlib import import_module
from typing import cast

from ocr_celery.core.export_formats import PAGE_IMAGE
from ocr_celery.export.contract import WriteExport

#: by the name that callers use: "module:function", so that what one format needs and is missing costs no other
_WRITERS: Mapping[str, str] = {
    "docx": "ocr_celery.export.docx:write_docx",
    "pdf": "ocr_celery.export.searchable_pdf:write_searchable_pdf",
    "zip": "ocr_celery.export.zip_file:write_zip",
    PAGE_IMAGE: "ocr_celery.export.page_image:write_page_image",
}


def writer(name: str) -> WriteExport:
    """The function that writes this format. Raises `KeyError` for what is none, `ImportError` where a package is missing."""
    module, _, function = _WRITERS[name].partition(":")
    return cast(WriteExport, getattr(import_module(module), function))
