"""The message of an export: the same as of `app.send_task`, into the exporters' queue."""

from typing import TYPE_CHECKING

from ocr_celery import message
from ocr_celery.core.export_request import ExportRequest
from ocr_celery.core.lane_weights import SINGLE
from ocr_celery.transport import outbox

if TYPE_CHECKING:
    from celery import Celery


def export_message(app: "Celery", queue: str, export: ExportRequest) -> str:
    """The message. `queue`: of the exporters."""
    return outbox.build_task(
        app,
        queue,
        message.EXPORT,
        [export.task_id, export.format, dict(export.options)],
        {},
        id=export.id,
        shown=str(export),
        root_id=None,
        parent_id=None,
        headers={},
        lane=SINGLE,
    )[2]
