"""What every engine promises. A class per engine says how to make its pages; the promises are the same for all."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from typing import ClassVar

import pytest

from ocr_celery.engine.contract import Engine, EngineRequest
from ocr_celery.errors import OcrError
from tests.testlib.engine_probe import Bench, until

_numbers = count(1)


def new_id() -> str:
    """An id no page had yet."""
    return f"page-{next(_numbers)}"


class EngineContract:
    """To be inherited, with the methods below the line filled in."""

    bad_code: ClassVar[str]  #: the code with which `bad` fails

    def engine(self) -> Engine:
        """A new engine with room for two pages at least."""
        raise NotImplementedError

    def short(self, id: str) -> EngineRequest:
        """A page that is read quickly."""
        raise NotImplementedError

    def long(self, id: str) -> EngineRequest:
        """A page that takes clearly longer."""
        raise NotImplementedError

    def bad(self, id: str) -> EngineRequest:
        """A page that cannot be read."""
        raise NotImplementedError

    def numbered(self, id: str, number: int) -> EngineRequest:
        """A page whose text follows from the number, 1 to 5, and from nothing else."""
        raise NotImplementedError

    def two_ways(self) -> tuple[EngineRequest, EngineRequest]:
        """The same picture to be read with different options."""
        raise NotImplementedError

    def kill(self, bench: Bench) -> None:
        """Make the engine unable to read on."""
        raise NotImplementedError

    def left_over(self, bench: Bench) -> list[str]:
        """What the engine started and that still runs."""
        return [thread.name for thread in bench.threads if thread.is_alive()]

    # --------------------------------------------------------------------------------------------------------------------

    @pytest.fixture(scope="class")
    @classmethod
    def bench(cls) -> Iterator[Bench]:
        """An engine for all tests of the class."""
        bench = Bench(cls().engine())
        yield bench
        bench.engine.stop()

    @pytest.fixture
    def doomed(self) -> Iterator[Bench]:
        """An engine for one test alone."""
        bench = Bench(self.engine())
        yield bench
        bench.engine.stop()

    def test_an_outcome_goes_to_its_page(self, bench: Bench) -> None:
        alone = {n: bench.read(self.numbered(new_id(), n))[0].text for n in range(1, 6)}
        assert len(set(alone.values())) == 5
        numbers = list(range(5, 0, -1))
        while numbers:
            batch, numbers = numbers[: bench.engine.capacity], numbers[bench.engine.capacity :]
            readings = bench.read(*(self.numbered(new_id(), n) for n in batch))
            assert [reading.text for reading in readings] == [alone[n] for n in batch]

    def test_pages_of_one_batch_are_read_each_with_its_own_options(self, bench: Bench) -> None:
        first, second = self.two_ways()
        together = bench.read(first, second)
        assert together[0].text != together[1].text
        alone = [bench.read(request)[0] for request in self.two_ways()]
        assert [reading.text for reading in together] == [reading.text for reading in alone]

    def test_a_page_that_was_prepared_is_read_as_any_other_however_often(self, bench: Bench) -> None:
        for request in self.two_ways():
            ready = replace(request, id=new_id(), prepared=bench.engine.prepare(request.page, request.options))
            (plain,) = bench.read(request)
            assert [bench.read(replace(ready, id=new_id()))[0] for _ in range(2)] == [plain] * 2

    def test_a_bad_page_fails_alone_and_says_why(self, bench: Bench) -> None:
        bad, *good = self.bad(new_id()), *(self.short(new_id()) for _ in range(bench.engine.capacity - 1))
        bench.engine.enter([bad, *good])
        error = bench.outcome(bad.id).result
        assert isinstance(error, OcrError)
        assert error.code == self.bad_code
        assert all(bench.reading(request.id) for request in good)
        assert bench.engine.alive()

    def test_a_short_page_does_not_wait_for_a_long_one(self, bench: Bench) -> None:
        long, short = self.long(new_id()), self.short(new_id())
        bench.engine.enter([long, short])
        bench.reading(long.id)
        assert bench.order.index(short.id) < bench.order.index(long.id)

    def test_a_page_may_enter_while_another_is_read(self, bench: Bench) -> None:
        long, short = self.long(new_id()), self.short(new_id())
        bench.engine.enter([long])
        bench.engine.enter([short])
        assert bench.reading(short.id)
        assert bench.reading(long.id)

    def test_an_aborted_page_harms_no_other_and_frees_its_place(self, bench: Bench) -> None:
        long, short = self.long(new_id()), self.short(new_id())
        bench.engine.enter([long, short])
        bench.engine.abort(long.id)
        assert bench.reading(short.id)
        assert all(bench.read(*(self.short(new_id()) for _ in range(bench.engine.capacity))))

    def test_aborting_a_page_that_is_not_inside_does_nothing(self, bench: Bench) -> None:
        done = self.short(new_id())
        bench.read(done)
        bench.engine.abort(done.id)
        bench.engine.abort("never seen")
        assert bench.read(self.short(new_id()))

    def test_the_time_of_a_page_is_its_own(self, bench: Bench) -> None:
        long, short = self.long(new_id()), self.short(new_id())
        bench.read(long, short)
        assert 0 < bench.outcome(short.id).seconds < bench.outcome(long.id).seconds

    def test_death_is_reported_once_and_within_a_second(self, doomed: Bench) -> None:
        assert doomed.engine.alive()
        self.kill(doomed)
        until(lambda: doomed.deaths, timeout=1, what="broken is called")
        assert not doomed.engine.alive()
        doomed.engine.stop()
        assert len(doomed.deaths) == 1

    def test_after_stop_nothing_runs_and_nothing_is_said(self, doomed: Bench) -> None:
        saying, go_on = threading.Event(), threading.Event()
        doomed.hold = lambda: (saying.set(), go_on.wait())[0]
        doomed.engine.enter([self.long(new_id()), self.short(new_id())])
        saying.wait()
        stopping = threading.Thread(target=doomed.engine.stop)
        stopping.start()
        stopping.join(0.1)
        assert stopping.is_alive(), "stop returned while an outcome was being said"
        go_on.set()
        stopping.join()
        said = len(doomed.outcomes)
        assert not doomed.engine.alive()
        until(lambda: not self.left_over(doomed), timeout=60, what="all is gone")
        assert len(doomed.outcomes) == said
        assert not doomed.deaths
