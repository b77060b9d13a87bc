"""The names of our keys in Redis."""

from ocr_celery.core.status import Status

PREFIX = "ocr:"
TASK = PREFIX + "task:"  #: + id → hash: created_at, updated_at, state; deaths, alone, killed (store/inside.py)
BLOB = PREFIX + "blob:"  #: + id → the bytes of an image
BATCH = PREFIX + "batch:"  #: + id → JSON: created_at, ids [task id, …], urls (a JSON text: [url, …])
META = "celery-task-meta-"  #: + id → Celery's own result record
WORKERS = PREFIX + "workers"  #: zset: node → when its word that it is ready runs out
LEASE = PREFIX + "lease:"  #: + node → who holds the name
NODES = PREFIX + "nodes"  #: zset: every node that may hold unacknowledged messages → when it was last there
UNACKED = PREFIX + "unacked:"  #: + node → hash: delivery tag → message
INSIDE = PREFIX + "inside:"  #: + node → hash: task id → how it is inside the engine
SWEEP = PREFIX + "sweep"  #: held by the worker that sweeps
COUNTED: dict[Status, str] = {status: f"{PREFIX}{status}" for status in Status}  #: zset: task id → last change
