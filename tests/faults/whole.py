"""`make run` as a whole: what is killed of it, its supervisor starts again."""

import os
import signal
from contextlib import suppress
from pathlib import Path

from ocr_celery.local.data_dir import DataDir
from tests.testlib.local_service import LocalService, alive, family
from tests.testlib.processes import until


class Whole(LocalService):
    """The service in its own folder, with its own Redis."""

    def __init__(self, folder: Path, **settings: object) -> None:
        scripted = {"OCR_ENGINE": "scripted", "OCR_BATCH_SIZE": 8, "OCR_SCRIPTED_SECONDS": 0.1, "OCR_WEB_PROCESSES": 1}
        super().__init__(folder, **{**scripted, "OCR_MAX_QUEUE_SIZE": 10_000, "OCR_GRACE": 10, **settings})
        self.redis_url = DataDir(folder).redis_url

    def master_pid(self) -> int:
        """gunicorn's first process."""
        return min(self._gunicorns())

    def has_master(self) -> bool:
        """Whether there is one."""
        return bool(self._gunicorns())

    def _gunicorns(self) -> list[int]:
        assert self.process
        return [pid for pid in family(self.process.pid) if "gunicorn" in _command(pid)]

    def cut_power(self) -> None:
        """All its processes die in one moment."""
        assert self.process
        pids = [self.process.pid, *family(self.process.pid)]
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)  # else one of them could still do what its neighbour's death asks for
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait(20)
        until(lambda: not any(map(alive, pids)), what="all is dead")

    def end(self) -> None:
        """Whatever state it is in."""
        if self.process and self.process.poll() is None:
            self.stop()


def _command(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_text()
    return ""
