"""The kinds of files that the tables of a result become. What writes spreadsheets is the facade's own."""

from collections.abc import Mapping

from ocr_celery.core.file_type import FileType
from ocr_celery.core.result_formats import ResultFormat
from ocr_celery.core.table_csv import TablesAsCsv

XLSX = FileType("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", ".xlsx")

#: by the name that callers use
TABLE_FORMATS: Mapping[str, FileType] = {
    "csv": ResultFormat("text/csv; charset=utf-8", ".csv", TablesAsCsv),
    "xlsx": XLSX,
}
