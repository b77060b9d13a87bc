"""Workers and facades of the tests, forked from a process that has imported what each of them would import again.

Two thirds of what a worker takes to start is importing. What it does then is its own: its environment, settings, application,
log, session and signals are made after the fork, by the program's own entry point. That both start by themselves is proven
in tests/local and tests/system, which start them as users do. What the interpreter reads as it starts needs a start of its own.
"""

import gc
import json
import os
import resource
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import NoReturn

_ROOT = Path(__file__).parents[2]
#: entry points, by the name of the program
_PROGRAMS = {"celery": "celery.__main__:main", "gunicorn": "gunicorn.app.wsgiapp:run"}
#: what is imported before the fork. None of it makes the application, which is made from the environment, once a process
_IMPORTED = {
    "celery": """
        celery.bin.celery celery.apps.worker celery.worker.components celery.worker.consumer.agent kombu.pidbox
        ocr_celery.consumer.bootsteps ocr_celery.consumer.message_check ocr_celery.consumer.task_headers
        ocr_celery.transport.broker ocr_celery.transport.backend
    """,
    "gunicorn": """
        gunicorn.app.wsgiapp gunicorn.arbiter web web.gunicorn_worker ocr_celery.transport.backend
    """,
}

#: a process id, and then its exit status, on one stream: of fixed width, as the second may follow before the first is read
_NUMBER = b"%11d"
_WIDTH = len(_NUMBER % 0)


def _receive(ended: socket.socket) -> bytes:
    return ended.recv(_WIDTH, socket.MSG_WAITALL)


class ForkedProcess:
    """What the tests ask of a `subprocess.Popen`; the fork server is its parent and hands on its exit status."""

    def __init__(self, pid: int, ended: socket.socket) -> None:
        self.pid, self.returncode = pid, None
        self._ended = ended

    returncode: int | None

    def poll(self) -> int | None:
        """Its exit status, once it has one."""
        with suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Its exit status. Raises `subprocess.TimeoutExpired`."""
        if self.returncode is None:
            if not select.select([self._ended], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0)
            self.returncode = int(_receive(self._ended) or -signal.SIGKILL)
            self._ended.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        """As `Popen` does: nothing where it has ended."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        """SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL."""
        self.send_signal(signal.SIGKILL)


class ForkServer:
    """The tests' handle of the process that forks. It ends with the process of the tests."""

    def __init__(self, program: str) -> None:
        self._orders, theirs = socket.socketpair()
        self._one_at_a_time = threading.Lock()
        with theirs:
            command = [sys.executable, "-m", __name__, program, str(theirs.fileno())]
            self._process = subprocess.Popen(command, cwd=_ROOT, pass_fds=[theirs.fileno()], start_new_session=True)

    def start(
        self, arguments: list[str], environment: dict[str, str], log: int, *, limit_files: int = 0
    ) -> ForkedProcess:
        """`log`: the file descriptor of its output. `limit_files`: it may open; 0 = as here."""
        ended, theirs = socket.socketpair()
        order = json.dumps([arguments, environment, limit_files]).encode() + b"\n"
        with theirs, self._one_at_a_time:
            sent = socket.send_fds(self._orders, [order], [log, theirs.fileno()])
            self._orders.sendall(order[sent:])
            pid = int(_receive(ended))
        return ForkedProcess(pid, ended)


def start(
    program: str, arguments: list[str], environment: dict[str, str], log: int, *, limit_files: int = 0
) -> "subprocess.Popen[bytes] | ForkedProcess":
    """Start `celery` or `gunicorn`, in a session of its own. See `ForkServer.start`."""
    if _is_for_interpreter(environment):
        assert not limit_files, "only forked programs are started with a limit"
        command = [sys.executable, "-m", program, *arguments]
        return subprocess.Popen(command, cwd=_ROOT, env=environment, stdout=log, stderr=log, start_new_session=True)
    return _server(program).start(arguments, environment, log, limit_files=limit_files)


def _is_for_interpreter(environment: dict[str, str]) -> bool:
    """Whether it holds what a Python that runs already would not read: a `sitecustomize`, say."""
    names = {name for name in {*environment, *os.environ} if name.startswith(("PYTHON", "LD_", "MALLOC_"))}
    return any(environment.get(name) != os.environ.get(name) for name in names)


@cache
def _server(program: str) -> ForkServer:
    """The one of this test process, started when it is first needed."""
    return ForkServer(program)


def _serve(orders: socket.socket) -> None:
    """Fork a child for each order. Returns in the children only."""
    woken, wakes = socket.socketpair()
    wakes.setblocking(False)
    signal.set_wakeup_fd(wakes.fileno())
    signal.signal(signal.SIGCHLD, lambda *_: None)
    children: dict[int, socket.socket] = {}
    while True:
        ready = select.select([orders, woken], [], [])[0]
        if woken in ready:
            woken.recv(4096)
            _reap(children)
        if orders in ready:
            order, files, *_ = socket.recv_fds(orders, 65536, 2)
            if not order:
                sys.exit()
            while not order.endswith(b"\n"):
                order += orders.recv(65536)
            log, ended = files
            if pid := os.fork():
                os.close(log)
                children[pid] = socket.socket(fileno=ended)
                children[pid].send(_NUMBER % pid)
                continue
            for other in (orders, woken, wakes, *children.values()):
                other.close()
            os.close(ended)
            _become(*json.loads(order), log)
            return


def _reap(children: dict[int, socket.socket]) -> None:
    while children:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return
        with children.pop(pid) as ended, suppress(OSError):
            ended.send(_NUMBER % os.waitstatus_to_exitcode(status))


def _become(arguments: list[str], environment: dict[str, str], limit_files: int, log: int) -> None:
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    if limit_files:
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit_files, limit_files))
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    tempfile.tempdir = None
    sys.argv[1:] = arguments


def main() -> NoReturn:
    """`sys.argv`: the name of the program, and the file descriptor that orders come by."""
    program = sys.argv[0] = sys.argv[1]
    for module in _IMPORTED[program].split():
        import_module(module)
    assert threading.active_count() == 1, "an import has started a thread, which no fork has"
    assert "ocr_celery.tasks" not in sys.modules, "an import has made the application"
    gc.freeze()  # else each collection in a child would copy all of it
    _serve(socket.socket(fileno=int(sys.argv[2])))
    module, _, function = _PROGRAMS[program].partition(":")
    sys.exit(getattr(import_module(module), function)())


if __name__ == "__main__":
    main()
