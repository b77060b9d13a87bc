"""The Celery applications: the service's own (`app`, which `celery -A ocr_celery` finds) and a client's.

Both are built on first use, so that importing this module has no side effects.
"""

import importlib.util
import threading
import warnings
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from celery import Celery
from celery.platforms import SecurityWarning
from celery.signals import celeryd_init

from ocr_celery.celery_options import client_options, exporter_options, service_options
from ocr_celery.client_settings import load_client_settings
from ocr_celery.settings import Settings
from ocr_celery.transport import outbox

if TYPE_CHECKING:
    app: Celery  #: the service's own application

_ROOT = Path(__file__).parents[1]
_of_process: list[Celery] = []
_one_at_a_time = threading.Lock()


class _App(Celery):
    """Celery, whose messages go into an outbox where one is open."""

    def producer_or_acquire(self, producer: Any = None) -> Any:
        """What a message is published by; no connection is made for the outbox."""
        return super().producer_or_acquire(producer or outbox.producer())


class _ClientApp(_App):
    """The same in another service's process, whose CELERY_BROKER_URL and CELERY_RESULT_BACKEND are that service's own."""

    def connection_for_read(self, url: Any = None, **options: Any) -> Any:
        """A connection to the Redis of the settings."""
        return super().connection_for_read(url or self.conf.get("broker_url"), **options)

    def connection_for_write(self, url: Any = None, **options: Any) -> Any:
        """A connection to the Redis of the settings."""
        return super().connection_for_write(url or self.conf.get("broker_url"), **options)


class _ExporterApp(_App):
    """That of an exporter."""


def client_app(settings: Settings) -> Celery:
    """An application that sends to the service of these settings, whatever the environment holds."""
    options = client_options(settings)
    made = _make_app(_ClientApp, options)
    made.backend_cls = options["result_backend"]
    options["broker_transport_options"]["app"] = weakref.ref(made)
    return made


def service_app() -> Celery:
    """What `celery -A ocr_celery …` runs: with strict settings, `.env` among them. Ends the process where one is wrong."""
    return _once(lambda: _make_app(_App, _service_options()))


def exporter_app() -> Celery:
    """What `celery -A ocr_celery.export …` runs: the service's options, and the exporters' queue."""
    return _once(_make_exporter_app)


def process_app() -> Celery:
    """The application of this process: the service's in its own programs, else a client's, of the settings it finds."""
    return _once(lambda: client_app(load_client_settings()))


def _make_app(
    kind: type[Celery],
    options: Any,
    *,
    tasks: str = "ocr_celery.tasks",
    step: str = "ocr_celery.consumer.bootsteps:PrefetchStep",
) -> Celery:
    """`tasks`, `step`: named, not imported, as a client needs neither an engine nor a worker."""
    made = kind("ocr_celery", loader="app", include=[tasks], set_as_current=False)
    made.config_from_object(options)
    made.steps["consumer"].add(step)
    return made


def _make_exporter_app() -> Celery:
    own = {"tasks": "ocr_celery.export.tasks", "step": "ocr_celery.export.bootsteps:ExporterStep"}
    made = _make_app(_ExporterApp, _service_options(), **own)
    made.conf.update(exporter_options())
    return made


def _service_options() -> Any:
    """`celeryconfig.py` of the checkout, loaded by path: the working directory may contain another module of that name. Without
    a checkout the file does not exist, and the options come from the settings only."""
    path = _ROOT / "celeryconfig.py"
    spec = importlib.util.spec_from_file_location("ocr_celery._celeryconfig", path)
    if not (_ROOT / "setup.cfg").is_file() or not path.is_file() or spec is None or spec.loader is None:
        return service_options()
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _once(make: Callable[[], Celery]) -> Celery:
    with _one_at_a_time:
        if not _of_process:
            _of_process.append(make())
        return _of_process[0]


def __getattr__(name: str) -> Any:
    if name == "app":
        return service_app()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


@celeryd_init.connect(weak=False)
def _worker(instance: Any, **_: Any) -> None:
    """Connect the signal handlers of a worker, if this process runs one and not a worker of a service that uses the client."""
    if not isinstance(instance.app, _App):
        return
    # that root may run whatever a pickled message says: ours are JSON, and a container's only user is root
    warnings.filterwarnings("ignore", category=SecurityWarning)
    if isinstance(instance.app, _ExporterApp):
        import ocr_celery.export.bootsteps
    else:
        import ocr_celery.consumer.bootsteps  # noqa: F401
