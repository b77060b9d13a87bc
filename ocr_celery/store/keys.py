"""The name of every key of a service in Redis: all have a prefix with its queue, so that services can share a Redis.

The prefix contains the queue as a hash tag, `{ocr}:`, so that a cluster keeps all keys of a service on one node.
Without the prefix are the keys that other programs expect by name: the queue itself, its lists by priority, and Celery's results.
"""

from dataclasses import dataclass
from functools import cached_property

from ocr_celery.core.file_keeping import file_name_of
from ocr_celery.core.status import Status

_PRIORITIES = ("", "\x06\x163", "\x06\x166", "\x06\x169")  #: kombu's lists of a queue, the first to be served first
_COUNTED = (Status.PENDING, Status.PROCESSING, Status.COMPLETED, Status.FAILED)


@dataclass(frozen=True)
class Keys:
    """The keys of the service whose tasks wait in `queue`. Two services with different queues have none in common."""

    queue: str

    @cached_property
    def prefix(self) -> str:
        """The prefix of all keys of the service, except those that other programs expect by name."""
        # the queue of the exporters begins with its service's prefix, see `of_exporters`; a setting has no braces
        return f"{self.queue}:" if self.queue.startswith("{") else f"{{{self.queue}}}:"

    # -- tasks -----------------------------------------------------------------------------------------------------------

    def task(self, id: str) -> str:
        """Hash: created_at, updated_at, state; deaths, alone, killed (store/crash_marks.py); cached (store/page_cache.py)."""
        return f"{self.prefix}task:{id}"

    def blob(self, id: str) -> str:
        """The bytes of an image."""
        return self.file(file_name_of(id))

    def file(self, name: str) -> str:
        """The same, by the name of the file."""
        return f"{self.prefix}blob:{name}"

    def batch(self, id: str) -> str:
        """JSON: created_at, ids [task id, …], urls (a JSON text: [url, …])."""
        return f"{self.prefix}batch:{id}"

    def kept_page(self, key: str) -> str:
        """JSON: a reading, for pages that are the same by this key (core/page_cache.py); expires after OCR_CACHE_TTL."""
        return f"{self.prefix}cache:{key}"

    def prompt(self, batch_id: str) -> str:
        """The prompt of a batch whose messages only name it (store/shared_prompt.py)."""
        return f"{self.prefix}prompt:{batch_id}"

    # -- documents: tasks whose file has several pages, each of which is a task of its own -------------------------------

    def document(self, id: str) -> str:
        """Hash: assembly (the message that is queued when the last page is final), queue, kind, file, source, options,
        outputs, pages (as its task's record names them), password (the id of its key), cancelled (1)."""
        return f"{self.prefix}document:{id}"

    def open_pages(self, document_id: str) -> str:
        """Set: the numbers of the pages that are not final."""
        return f"{self.prefix}open:{document_id}"

    @property
    def documents(self) -> str:
        """Zset: document id → when it was opened, until its pages are settled (store/documents.py)."""
        return f"{self.prefix}documents"

    def password(self, id: str) -> str:
        """The password of a file, which is shown nowhere (store/passwords.py); goes with its task's or batch's end, or
        expires."""
        return f"{self.prefix}password:{id}"

    # -- exports: files that are made of results, in a lane of their own -------------------------------------------------

    def exports(self, task_id: str) -> str:
        """Hash: id of an export of this task → JSON: how it stands (store/exports.py)."""
        return f"{self.prefix}exports:{task_id}"

    @cached_property
    def of_exporters(self) -> "Keys":
        """The keys of the exporters: their queue, and what they keep beside it as workers do. They have this service's prefix."""
        return Keys(f"{self.prefix}export")

    @staticmethod
    def meta(id: str) -> str:
        """Celery's result record, under the key that every Celery application expects; also its channel."""
        return f"celery-task-meta-{id}"

    def counted(self, status: Status) -> str:
        """Zset: task id → last change, of the tasks with this status."""
        return f"{self.prefix}{status}"

    @cached_property
    def all_counted(self) -> tuple[str, ...]:
        """The zsets of pending, processing, completed and failed tasks, in this order."""
        return tuple(self.counted(status) for status in _COUNTED)

    @property
    def changes(self) -> str:
        """Channel: the id of each task whose state has changed (store/change_feed.py)."""
        return f"{self.prefix}changes"

    @property
    def service(self) -> str:
        """Hash: facade, worker → JSON: what holds of the service (core/service_facts.py)."""
        return f"{self.prefix}service"

    @property
    def stores(self) -> str:
        """Set: the folders that have been stores of files (store/files/folder.py)."""
        return f"{self.prefix}stores"

    # -- workers ---------------------------------------------------------------------------------------------------------

    @property
    def workers(self) -> str:
        """Zset: node → when its statement that it is ready expires."""
        return f"{self.prefix}workers"

    @property
    def nodes(self) -> str:
        """Zset: every node that may hold unacknowledged messages → when its lease ends, by Redis's clock."""
        return f"{self.prefix}nodes"

    @property
    def sweep(self) -> str:
        """The lease of the one worker that sweeps and requeues the messages of dead workers."""
        return f"{self.prefix}sweep"

    def lease(self, node: str) -> str:
        """The lease on a node name: which process owns it."""
        return f"{self.prefix}lease:{node}"

    def unacked(self, node: str) -> str:
        """Hash: delivery tag → message that the node has taken and not acknowledged."""
        return f"{self.prefix}unacked:{node}"

    def handed(self, node: str) -> str:
        """List: messages that Redis has moved to the node and the node has not taken yet."""
        return f"{self.prefix}handed:{node}"

    def inside(self, node: str) -> str:
        """Hash: task id → its run mode in the node's engine."""
        return f"{self.prefix}inside:{node}"

    def held_by(self, node: str) -> tuple[str, str, str]:
        """All keys that a node that has ended may leave behind."""
        return self.unacked(node), self.handed(node), self.inside(node)

    # -- the queue -------------------------------------------------------------------------------------------------------

    @property
    def waiting(self) -> list[str]:
        """The lists that tasks wait in: the queue and kombu's lists of the other priorities."""
        return self.lists_of(self.queue)

    @staticmethod
    def lists_of(queue: str) -> list[str]:
        """The lists of any queue, the first to be served first."""
        return [queue + priority for priority in _PRIORITIES]

    def lane(self, name: str) -> str:
        """List: messages that wait for their turn in the queue (store/lanes.py)."""
        return f"{self.prefix}lane:{name}"

    @property
    def lanes(self) -> str:
        """Zset: list → its pass, of the lanes that wait, and of the queue where it has more than it shows."""
        return f"{self.prefix}lanes"

    @property
    def queues(self) -> str:
        """Set: further queues that workers of the service have read (`celery worker -Q`): its tasks may wait there, too."""
        return f"{self.prefix}queues"

    def purged(self, id: str) -> str:
        """List: messages that a purge has removed and is failing; expires in an hour."""
        return f"{self.prefix}purged:{id}"

    @property
    def put_aside(self) -> str:
        """List: messages that no worker can read, see store/messages.py; their count and size: `put_aside_sizes`."""
        return f"{self.prefix}unreadable"

    @property
    def put_aside_sizes(self) -> str:
        """Hash: how many messages were put aside so far, and how many bytes it has now."""
        return f"{self.prefix}unreadable:sizes"


def index_of(status: Status) -> int:
    """The index of a status in `Keys.all_counted`."""
    return _COUNTED.index(status)
