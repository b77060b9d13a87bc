"""The kinds of files that an exporter makes of a result, beside the engine (`export/`): what they are called and announced as."""

from collections.abc import Mapping

from ocr_celery.core.file_type import FileType

PAGE_IMAGE = "page-image"  #: the picture of one page, which has a call of its own

#: by the name that callers use
EXPORT_FORMATS: Mapping[str, FileType] = {
    "pdf": FileType("application/pdf", ".pdf"),
    "zip": FileType("application/zip", ".zip"),
    "docx": FileType("application/vnd.openxmlformats-officedocument.wordprocessingml.document", ".docx"),
    PAGE_IMAGE: FileType("image/jpeg", ".jpg"),
}
#: those that are a form of the whole result: what `result?format=` and the option `outputs` may name
RESULT_EXPORTS = tuple(name for name in EXPORT_FORMATS if name != PAGE_IMAGE)
