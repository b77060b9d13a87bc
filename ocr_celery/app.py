"""The Celery application: options from `celeryconfig.py`, tasks by name, and the worker's own steps."""

import importlib.util
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

from celery import Celery
from celery.platforms import SecurityWarning
from celery.signals import celeryd_init

from ocr_celery import outbox


class _App(Celery):
    """Celery, whose messages go into an outbox where one is open."""

    def producer_or_acquire(self, producer: Any = None) -> Any:
        """What a message is published by; no connection is made for the outbox."""
        return super().producer_or_acquire(producer or outbox.producer())


def _options() -> ModuleType:
    """`celeryconfig.py` beside this package, by its path: the importing service may well have a module of that name."""
    path = Path(__file__).parent.parent / "celeryconfig.py"
    spec = importlib.util.spec_from_file_location("ocr_celery._celeryconfig", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is missing")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


app = _App("ocr_celery", include=["ocr_celery.tasks"], set_as_current=False)
app.config_from_object(_options())
# named, not imported: whoever only sends tasks needs neither an engine nor a worker
app.steps["consumer"].add("ocr_celery.consumer.steps:Feed")


@celeryd_init.connect(weak=False)
def _worker(**_: Any) -> None:
    """This process is a worker: connect what it does beside Celery's own."""
    # that root may run whatever a pickled message says: ours are JSON, and a container's only user is root
    warnings.filterwarnings("ignore", category=SecurityWarning)
    import ocr_celery.consumer.steps  # noqa: F401
