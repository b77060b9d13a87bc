"""What `pip install .` puts into another service's environment, and what that service's Celery notices of it."""

import configparser
from pathlib import Path
from zipfile import ZipFile

from tests.testlib.host_process import Host
from tests.testlib.http_stub import service_that_reads
from tests.testlib.processes import ROOT, RedisServer


def test_the_wheel_holds_our_package_and_nothing_beside_it(wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        names = archive.namelist()
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"ocr_celery"}
    ours = {str(path.relative_to(ROOT)) for path in (ROOT / "ocr_celery").rglob("*.py")}
    assert {name for name in names if name.endswith(".py")} == ours
    assert "ocr_celery/py.typed" in names


def test_the_only_program_that_it_brings_is_the_command_line(wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/entry_points.txt"))
        points = configparser.ConfigParser()
        points.read_string(archive.read(name).decode())
    assert {part: list(points[part]) for part in points.sections()} == {"console_scripts": ["ocr-celery"]}


#: what a service sees of its own Celery where ours is installed, before and after our client is in use
OWN_CELERY = """
import importlib.util
import celery

def seen():
    conf = celery.current_app.conf
    return conf.worker_pool, conf.broker_url, conf.result_backend, conf.task_default_queue, conf.task_acks_late

before = seen()
assert before == ("prefork", None, None, "celery", False), before
from ocr_celery import client
from ocr_celery.celery import process_app
app = process_app()
app.conf.worker_pool, app.amqp, client.default().app.conf.broker_url
assert seen() == before, seen()
assert celery.current_app is not app
print(*(name for name in ("celeryconfig", "web") if importlib.util.find_spec(name)))
"""


def test_a_service_s_own_celery_stays_as_it_is(host: Host) -> None:
    done = host(OWN_CELERY, OCR_SERVICE_URL="http://ocr.internal")
    assert (done.returncode, done.stdout) == (0, "\n"), done.stderr


def test_modules_of_the_service_that_are_named_as_ours_stay_the_service_s(host: Host, tmp_path: Path) -> None:
    (tmp_path / "celeryconfig.py").write_text('broker_url = "redis://own.internal/0"\nraise_if_ours = True\n')
    (tmp_path / "web.py").write_text("OWN = True\n")
    program = """
sys.path.insert(0, "")
import celery, web
from ocr_celery.celery import process_app
app = process_app()
assert celery.current_app.conf.broker_url == "redis://own.internal/0"
assert app.conf.broker_url == "redis://ocr.internal/0", app.conf.broker_url
assert web.OWN
"""
    done = host(program, OCR_REDIS_URL="redis://ocr.internal/0")
    assert done.returncode == 0, done.stderr


#: `ocr-celery read`, where nothing is installed that does not speak HTTP
ONLY_HTTP = """
import importlib.abc

class Missing(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("celery", "kombu", "redis", "pydantic", "pydantic_settings", "structlog"):
            raise ModuleNotFoundError(f"No module named {name!r}")

sys.meta_path.insert(0, Missing())
from ocr_celery.cli import main
main(["read", sys.argv[1], "--server", sys.argv[2]])
"""


def test_the_command_line_needs_neither_celery_nor_redis(host: Host, tmp_path: Path) -> None:
    (tmp_path / "page.png").write_bytes(b"a page")
    with service_that_reads("# A page") as url:
        done = host(ONLY_HTTP.replace("sys.argv[1]", '"page.png"').replace("sys.argv[2]", repr(url)))
    assert (done.returncode, done.stdout) == (0, "# A page\n"), done.stderr


def test_the_light_client_is_not_bound_to_the_worker_s_version_of_celery() -> None:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    extras = setup["options.extras_require"]
    assert "celery[redis]>=5.5," in setup["options"]["install_requires"]
    assert "celery[redis]>=5.7," in extras["worker"]
    for engine in ("cpu", "gpu", "gpu-test"):
        assert "ocr-celery[worker,pages]" in extras[engine]


def test_make_run_says_that_it_is_of_the_checkout(host: Host) -> None:
    done = host('import runpy\nrunpy.run_module("ocr_celery.local", run_name="__main__")')
    assert done.returncode == 1
    assert done.stderr.startswith("ocr-celery: the facade, web/, is not in ")
    assert done.stderr.endswith(": use make run in the checkout of ocr-celery\n")


def test_a_worker_needs_no_checkout(host: Host, redis: RedisServer, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"REDIS_URL={redis.url}\nOCR_QUEUE=scans\n")
    done = host("from ocr_celery.celery import app; print(app.conf.broker_url, app.conf.task_default_queue)")
    assert (done.returncode, done.stdout) == (0, f"{redis.url} scans\n"), done.stderr
