"""Real child processes: their pages of good and bad files, and what happens to a page whose child is harmed."""

import io
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest
from PIL import Image

from ocr_celery.core.page import Page
from ocr_celery.decode import child_process, decoder_thread, python_child
from ocr_celery.decode.image import load
from ocr_celery.decode.job import DecodeResult
from ocr_celery.decode.pool import DecoderPool
from ocr_celery.errors import Internal, NotAnImage, OcrError, PageTooCostly, TooManyPixels, Unreadable
from tests.testlib.hostile_images import saved, wavelets, webp
from tests.testlib.processes import ROOT, until

MAX_PIXELS = 64_000_000
Make = Callable[..., DecoderPool]
Trap = Callable[..., None]


@pytest.fixture
def make() -> Iterator[Make]:
    made: list[DecoderPool] = []

    def pool(seconds: float = 600, max_pixels: int = MAX_PIXELS) -> DecoderPool:
        made.append(DecoderPool(max_pixels=max_pixels, max_side=1280, seconds=seconds))
        return made[-1]

    yield pool
    for one in made:
        one.close()


@pytest.fixture(scope="module")
def pool() -> Iterator[DecoderPool]:
    one = DecoderPool(max_pixels=MAX_PIXELS, max_side=1280, seconds=600)
    yield one
    one.close()


def picture(width: int = 1654, height: int = 2339) -> bytes:
    return saved(Image.linear_gradient("L").resize((width, height)).convert("RGB"), "JPEG")


SLOW, HARMFUL = (67, 67), (66, 66)  #: pixels: children that are `trapped` act at pictures of these sizes


@pytest.fixture
def trap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Trap:
    """Have children take seconds of CPU time over SLOW pictures, and do something when they meet a HARMFUL one."""

    def set_up(harm: str = "pass", *, seconds: float = 2) -> None:
        source = (ROOT / "ocr_celery" / "decode" / "child.py").read_text()
        asked = "        pieces = _answer("
        assert asked in source
        added = [
            f"        if b'\\x00C\\x00C' in data: spin({seconds})",
            "        if b'\\x00B\\x00B' in data:",
            f"            {harm}",
            "            continue",
            asked,
        ]
        spin = [
            "def spin(seconds):",
            "    end = sum(os.times()[:2]) + seconds",
            "    while sum(os.times()[:2]) < end: pass",
            "",
            "",
            "def _answer(",
        ]
        source = source.replace(asked, "\n".join(added)).replace("def _answer(", "\n".join(spin))
        (tmp_path / "trapped.py").write_text(source)
        start = f"import sys; sys.path[:0] = [{str(tmp_path)!r}, sys.argv[1]]; import trapped; trapped.main()"
        monkeypatch.setattr(child_process, "_START", start)

    return set_up


def submitted(pool: DecoderPool, data: bytes) -> "Future[DecodeResult]":
    future: Future[DecodeResult] = Future()
    pool.submit(data, future.set_result)
    return future


def children(of: int) -> list[int]:
    """The process ids of the children of all its threads."""
    found = []
    for task in Path(f"/proc/{of}/task").iterdir():
        try:
            found += map(int, (task / "children").read_text().split())
        except OSError:
            continue
    return found


def at_work(pool: DecoderPool) -> int:
    """The child that decodes a page which takes long just now."""

    def found() -> int:
        threads = [thread for thread in list(pool._threads) if thread._costly and thread._child]
        return next((child.pid for thread in threads if (child := thread._child) and child.pages), 0)

    return until(found, timeout=300, what="a child decodes a page that takes long")


def test_a_child_makes_the_page_that_would_be_made_here(pool: DecoderPool) -> None:
    data = picture()
    page, here = pool.decode(data), load(data, max_pixels=MAX_PIXELS, max_side=1280)
    assert (page.width, page.height, page.pages) == (1654, 2339, 1)
    assert page.image.mode == "RGB"
    assert page.image.size == here.image.size
    assert page.image.tobytes() == here.image.tobytes()


@pytest.mark.parametrize(
    ("data", "error"),
    [(picture()[:50_000], Unreadable), (saved(Image.new("1", (10, 10)), "PNG")[:-3], Unreadable)],
    ids=["cut off", "without its end"],
)
def test_what_the_child_refuses_is_refused_in_its_words(pool: DecoderPool, data: bytes, error: type[OcrError]) -> None:
    with pytest.raises(error) as raised:
        pool.decode(data)
    assert raised.value.message == error().message


def test_what_the_header_refuses_reaches_no_child(make: Make) -> None:
    pool = make(max_pixels=100)
    with pytest.raises(NotAnImage):
        pool.submit(b"<svg/>", lambda _: None)
    with pytest.raises(TooManyPixels):
        pool.submit(picture(), lambda _: None)


def test_many_threads_get_their_own_pages(pool: DecoderPool) -> None:
    sizes = [(100 + n, 50 + n) for n in range(40)]
    seen: dict[tuple[int, int], tuple[int, int]] = {}

    def work(mine: list[tuple[int, int]]) -> None:
        for size in mine:
            page = pool.decode(picture(*size))
            seen[size] = (page.width, page.height)

    threads = [threading.Thread(target=work, args=(sizes[n::4],)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(300)
    assert seen == {size: size for size in sizes}


def test_a_page_that_outlasts_its_seconds_fails_and_others_are_decoded_meanwhile(trap: Trap, make: Make) -> None:
    trap(seconds=600)
    pool = make(seconds=6)
    bombs = [submitted(pool, picture(*SLOW)) for _ in range(4)]
    good = [submitted(pool, picture(100, 100)) for _ in range(4)]
    assert all(isinstance(page.result(300), Page) for page in good)
    assert {type(bomb.result(300)) for bomb in bombs} == {PageTooCostly}


def test_pages_that_take_long_keep_no_quick_thread(trap: Trap, make: Make) -> None:
    trap(seconds=600)
    pool = make(seconds=600)
    bombs = [submitted(pool, picture(*SLOW)) for _ in range(8)]
    good = [submitted(pool, picture(100, 100)) for _ in range(8)]
    assert all(isinstance(page.result(300), Page) for page in good)
    assert not any(bomb.done() for bomb in bombs)
    until(lambda: pool.costly_count == 8, what="all eight wait or are decoded among the costly ones")


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_a_page_whose_child_is_killed_or_stopped_from_outside_is_decoded(
    trap: Trap, make: Make, how: signal.Signals
) -> None:
    trap()
    pool = make()
    page = submitted(pool, picture(*SLOW))
    os.kill(at_work(pool), how)
    assert isinstance(page.result(300), Page)


def test_idle_children_that_die_are_replaced(make: Make) -> None:
    pool = make()
    pool.decode(picture(100, 100))
    for pid in pool.children.pids():
        os.kill(pid, signal.SIGKILL)
    assert [pool.decode(picture(100 + n, 100)).width for n in range(5)] == [100, 101, 102, 103, 104]


HARMS = {
    "dies": "os.kill(os.getpid(), signal.SIGSEGV)",
    "talks nonsense": "os.write(answers, b'x' * 100_000)",
    "promises too much": "_write(answers, protocol.ANSWER.pack(b'P', 0, 1 << 31, 1 << 31, 1, 1, 1, 0))",
    "promises and says no more": "_write(answers, protocol.ANSWER.pack(b'P', 0, 9, 9, 9, 9, 1, 0)); os._exit(0)",
    "names no error of ours": "_write(answers, protocol.ANSWER.pack(b'R', 0, 0, 0, 0, 0, 0, 12) + b'SystemExit:x')",
}


@pytest.mark.parametrize("how", HARMS)
def test_a_file_that_harms_its_child_fails_only_its_own_page(trap: Trap, make: Make, how: str) -> None:
    trap(HARMS[how])
    pool = make()
    pages = [submitted(pool, picture(*(HARMFUL if n == 4 else (50, 50)))) for n in range(9)]
    ends = [type(page.result(300)) for page in pages]
    assert ends == [PageTooCostly if n == 4 else Page for n in range(9)]


def test_a_picture_that_turns_out_to_take_more_memory_gets_it(make: Make) -> None:
    big = saved(Image.new("P", (5000, 5000)), "GIF")
    grows = big[:6] + b"\x01\0\x01\0" + big[10:]
    assert make().decode(grows).width == 5000


def test_a_picture_that_takes_more_memory_than_any_may_fails(make: Make) -> None:
    with pytest.raises(PageTooCostly):
        make(max_pixels=12_250_000).decode(wavelets(3500, num_resolutions=1))


def test_a_child_has_nothing_of_its_worker(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCR_SECRET", "x")
    pool = make()
    pool.decode(picture(100, 100))
    pid = pool.children.pids()[0]
    environment = Path(f"/proc/{pid}/environ").read_bytes()
    assert b"SECRET" not in environment
    assert b"REDIS" not in environment
    files = [os.readlink(file) for file in Path(f"/proc/{pid}/fd").iterdir()]
    assert not [file for file in files if file.startswith("socket:")]
    until(lambda: not unlimited(pid), what="one that only starts has set its limits, too")


def unlimited(pid: int) -> list[str]:
    """What a process may have without a limit, of that which a child may not."""
    lines = Path(f"/proc/{pid}/limits").read_text().splitlines()
    bounded = ("Max address space", "Max open files", "Max core file size")
    return [line for line in lines if line.startswith(bounded) and "unlimited" in line]


def test_only_children_import_decoders() -> None:
    code = (
        "import sys, ocr_celery.consumer.pool, ocr_celery.decode.pool;"
        "print([name for name in sys.modules if name.startswith('PIL.') and 'Plugin' in name])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


PARENT = """
import sys, time
from ocr_celery.decode import child_process, decoder_thread
from ocr_celery.decode.pool import DecoderPool
child_process._START = sys.argv[1]
pool = DecoderPool(max_pixels=64_000_000, max_side=1280, seconds=600)
pool.submit(sys.stdin.buffer.read(), lambda _: None)
print("submitted", flush=True)
time.sleep(600)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="it needs /proc")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_children_end_with_their_worker_however_it_ends(how: signal.Signals, trap: Trap) -> None:
    trap(seconds=600)
    worker = subprocess.Popen(
        [sys.executable, "-c", PARENT, child_process._START],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=False,
    )
    assert worker.stdin is not None
    assert worker.stdout is not None
    with worker.stdout, worker.stdin:
        worker.stdin.write(picture(*SLOW))
        worker.stdin.close()
        assert worker.stdout.readline() == b"submitted\n"
        pids = until(lambda: found if len(found := children(worker.pid)) >= 3 else [], what="its children are there")
        worker.send_signal(how)
        worker.wait(30)
    until(lambda: not any(alive(pid) for pid in pids), what="its children are gone")


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_closing_ends_every_child_and_every_page(trap: Trap, make: Make) -> None:
    trap(seconds=600)
    pool = make()
    pages = [submitted(pool, picture(*SLOW)) for _ in range(6)]
    at_work(pool)
    pids = pool.children.pids()
    pool.close()
    assert not any(map(alive, pids))
    assert [page.result(300) for page in pages] == [None] * 6


def test_a_closed_pool_decodes_no_page_and_says_so(make: Make) -> None:
    pool = make()
    pool.close()
    assert submitted(pool, picture(100, 100)).result(60) is None
    with pytest.raises(RuntimeError, match="closed"):
        pool.decode(picture(100, 100))


def test_once_costly_pages_are_cancelled_a_new_one_ends_at_once_and_a_quick_one_is_decoded(make: Make) -> None:
    pool = make()
    pool.stop_costly()
    assert submitted(pool, webp()).result(60) is None
    assert pool.decode(picture(100, 100)).width == 100


def test_cancelling_costly_pages_ends_what_takes_long_and_finishes_what_is_quick(trap: Trap, make: Make) -> None:
    trap(seconds=600)
    pool = make(seconds=600)
    costly = [submitted(pool, picture(*SLOW)) for _ in range(3)]
    at_work(pool)
    quick = [submitted(pool, picture(100, 100)) for _ in range(3)]
    pool.stop_costly()
    assert all(isinstance(page.result(300), Page) for page in quick)
    assert [page.result(300) for page in costly] == [None] * 3


def test_decoders_that_cannot_be_started_are_reported_at_once(monkeypatch: pytest.MonkeyPatch, make: Make) -> None:
    monkeypatch.setattr(child_process, "_START", "import sys; sys.exit(3)")
    with pytest.raises(child_process.ChildDied, match="3"):
        make().children.wait_started()


def test_a_callback_that_raises_ends_no_thread(make: Make) -> None:
    pool = make()

    def raises(_: DecodeResult) -> None:
        raise ZeroDivisionError

    for _ in range(6):
        pool.submit(picture(50, 50), raises)
    assert pool.decode(picture(100, 100)).width == 100


def test_a_defect_of_the_service_is_not_said_of_the_file(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    pool = make()
    with monkeypatch.context() as defect:
        defect.setattr(pool, "request", lambda _: 1 / 0)
        with pytest.raises(Internal):
            pool.decode(picture(40, 30))
    assert pool.decode(picture(40, 30)).width == 40, "the seat goes on"


def test_the_picture_stays_when_its_child_is_gone(make: Make) -> None:
    pool = make()
    page = pool.decode(picture(100, 100))
    pool.close()
    file = io.BytesIO()
    page.image.save(file, "PNG")
    assert file.getvalue()


def test_the_thread_that_submits_a_file_waits_while_too_many_bytes_wait(
    make: Make, trap: Trap, monkeypatch: pytest.MonkeyPatch
) -> None:
    trap(seconds=0.2)
    pool, slow = make(), picture(*SLOW)
    first = [pool.submit(slow, lambda _: None) for _ in range(12)]
    pool.wait_for_room(first[-1])
    assert pool._queue.is_waiting(first[-1])  # there was room for it to wait
    monkeypatch.setattr("ocr_celery.decode.pool._MAX_WAITING_BYTES", 0)
    pool.wait_for_room(first[-1])
    assert not pool._queue.is_waiting(first[-1])


def test_a_thread_that_waits_for_room_goes_on_when_costly_pages_are_cancelled(
    make: Make, trap: Trap, monkeypatch: pytest.MonkeyPatch
) -> None:
    trap(seconds=600)
    monkeypatch.setattr("ocr_celery.decode.pool._MAX_WAITING_BYTES", 0)
    pool, slow = make(), picture(*SLOW)
    jobs = [pool.submit(slow, lambda _: None) for _ in range(12)]
    waiting = threading.Thread(target=pool.wait_for_room, args=[jobs[-1]])
    waiting.start()
    pool.stop_costly()
    waiting.join(30)
    assert not waiting.is_alive()


def test_a_file_that_is_whole_is_read_although_its_decoder_got_too_little_memory_at_first(make: Make) -> None:
    colours = Image.new("RGBA", (2480, 3508), "white")  # four planes, where the header lets three be expected
    assert make().decode(saved(colours, "JPEG2000")).width == 2480


def test_when_no_child_can_be_started_any_more_pages_end_with_none_and_the_failure_is_reported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broke: list[Exception] = []
    pool = DecoderPool(max_pixels=MAX_PIXELS, max_side=1280, seconds=600, on_failure=broke.append)
    pool.children.wait_started()
    pool.decode(picture(50, 50))
    monkeypatch.setattr(decoder_thread, "_MAX_START_FAILURES", 2)
    monkeypatch.setattr(python_child.sys, "executable", "/no/such/python")
    for pid in pool.children.pids():
        os.kill(pid, signal.SIGKILL)
    results = [submitted(pool, picture(50, 50)) for _ in range(3)]
    assert [result.result(60) for result in results] == [None] * 3
    assert broke
    pool.close()
