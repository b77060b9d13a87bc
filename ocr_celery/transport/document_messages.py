"""The messages of a document: one for each page, and the one that assembles them, which is the document's own, sent on.

The document's own message says what is to follow its result – chord, links, chain – under its own id. So nothing of that is
lost while its pages are read, and Celery sees one task with one end.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from kombu.utils.json import dumps

from ocr_celery import message
from ocr_celery.core.document import PageSet
from ocr_celery.core.lane_weights import BULK
from ocr_celery.transport import outbox

if TYPE_CHECKING:
    from celery import Celery

#: what Celery's `Request` adds to the headers of a message, and what the first protocol has beside them
_NOT_HEADERS = frozenset(
    {
        *("properties", "reply_to", "correlation_id", "hostname", "delivery_info", "args", "kwargs", "headers"),
        *("callbacks", "errbacks", "chain", "chord", "taskset", "utc", "timezone", "redelivered"),
    }
)
_CARRIED = ("request_id", "file_name")  #: of the document's headers, into those of its pages


def page_messages(
    app: "Celery", queue: str, request: Mapping[str, Any], pages: PageSet, number_of: Sequence[int]
) -> list[str]:
    """The messages of a document's pages. `request`: the document's, as Celery has it; `number_of`: the pages in order."""
    document = request["id"]
    carried = {name: str(request[name])[:120] for name in _CARRIED if request.get(name)}
    root = request.get("root_id") or document
    return [
        outbox.build_task(
            app,
            queue,
            message.PAGE,
            [document, number],
            {},
            id=id,
            shown=f"{document}, page {number}",
            root_id=root,
            parent_id=document,
            headers=carried,
            lane=BULK,
        )[2]
        for id, number in zip(pages.ids(document), number_of, strict=True)
    ]


def assembly_message(queue: str, request: Mapping[str, Any], embedded: Any, pages: int) -> str:
    """The message that assembles a document. `request`: the document's, as Celery has it; `embedded`: its links and chord."""
    headers = {name: value for name, value in request.items() if name not in _NOT_HEADERS}
    headers |= {"lang": "py", "task": message.ASSEMBLE, "eta": None, "expires": None}
    headers |= {"argsrepr": f"({pages} pages)", "kwargsrepr": "{}"}
    properties = {
        "correlation_id": request["id"],
        "reply_to": request.get("reply_to") or "",
        "delivery_mode": 2,
        "priority": 9,
    }
    return str(dumps(outbox.enveloped(([], {}, embedded), headers, properties, queue)))
