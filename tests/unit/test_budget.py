import threading
from collections.abc import Callable

import pytest

from ocr_celery.prepare.budget import MOST_OVERTAKEN, PixelBudget


class Holder:
    """A thread that takes a share, says so, and holds it until it is let go."""

    def __init__(self, budget: PixelBudget, pixels: int) -> None:
        self.has_it, self._leave = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._hold, args=(budget, pixels), daemon=True)
        self._thread.start()

    def _hold(self, budget: PixelBudget, pixels: int) -> None:
        with budget.share(pixels):
            self.has_it.set()
            self._leave.wait(10)

    def let_go(self) -> None:
        self._leave.set()
        self._thread.join(10)


def until(true: Callable[[], bool]) -> None:
    while not true():
        threading.Event().wait(0.001)


def waiting(budget: PixelBudget) -> int:
    return len(budget._waiting)


def test_a_big_picture_waits_and_small_ones_go_on() -> None:
    budget = PixelBudget(100)
    first = Holder(budget, 60)
    assert first.has_it.wait(5)
    big = Holder(budget, 80)
    until(lambda: waiting(budget) == 1)
    small = Holder(budget, 40)
    assert small.has_it.wait(5)
    assert not big.has_it.is_set()
    first.let_go()
    assert not big.has_it.is_set()
    small.let_go()
    assert big.has_it.wait(5)
    big.let_go()


def test_a_picture_larger_than_the_budget_runs_alone() -> None:
    budget = PixelBudget(100)
    small = Holder(budget, 1)
    assert small.has_it.wait(5)
    huge = Holder(budget, 1_000)
    until(lambda: waiting(budget) == 1)
    small.let_go()
    assert huge.has_it.wait(5)
    other = Holder(budget, 1)
    until(lambda: waiting(budget) == 1)
    huge.let_go()
    assert other.has_it.wait(5)
    other.let_go()


def test_small_pictures_do_not_keep_a_big_one_out_for_ever() -> None:
    budget = PixelBudget(100)
    first = Holder(budget, 50)
    assert first.has_it.wait(5)
    big = Holder(budget, 100)
    until(lambda: waiting(budget) == 1)
    for _ in range(MOST_OVERTAKEN):
        with budget.share(1):
            pass
    late = Holder(budget, 1)
    until(lambda: waiting(budget) == 2)
    first.let_go()
    assert big.has_it.wait(5)
    assert not late.has_it.is_set()
    big.let_go()
    assert late.has_it.wait(5)
    late.let_go()


def test_a_failure_gives_its_share_back() -> None:
    budget = PixelBudget(10)
    with pytest.raises(ZeroDivisionError), budget.share(10):
        raise ZeroDivisionError
    with budget.share(10):
        pass


def test_many_threads_never_hold_more_than_the_budget() -> None:
    budget, held, most, lock = PixelBudget(100), 0, 0, threading.Lock()

    def work(pixels: int) -> None:
        nonlocal held, most
        for _ in range(50):
            with budget.share(pixels):
                with lock:
                    held += pixels
                    most = max(most, held)
                with lock:
                    held -= pixels

    threads = [threading.Thread(target=work, args=(pixels,)) for pixels in (5, 10, 30, 60, 100, 20, 1, 99)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert not any(thread.is_alive() for thread in threads)
    assert 0 < most <= 100


def test_a_budget_of_nothing_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        PixelBudget(0)
