"""The kinds of files that an exporter makes of a result, beside the engine (`export/`): what they are called and announced as."""

from collections.abc import Mapping

from ocr_celery.core.file_type import FileType

#: by the name that callers use; what writes each: `export/formats.py`
EXPORT_FORMATS: Mapping[str, FileType] = {
    "zip": FileType("application/zip", ".zip"),
}
