"""What every engine promises: the same tests for all, with a subclass for each engine that makes its pages."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from typing import ClassVar

import pytest

from ocr_celery.engine.contract import Engine, EngineRequest
from ocr_celery.errors import OcrError
from tests.testlib.engine_probe import EngineProbe, until

_numbers = count(1)
_TRIES = 5  #: a busy machine may hold up the thread of a short page, but not so many times in a row


def new_id() -> str:
    """An id that no page has had."""
    return f"page-{next(_numbers)}"


class EngineContract:
    """The tests; a subclass implements the methods above the line."""

    bad_code: ClassVar[str]  #: the code with which `bad` fails

    def engine(self) -> Engine:
        """A new engine with a capacity of at least two pages."""
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

    def kill(self, probe: EngineProbe) -> None:
        """Make the engine unable to read on."""
        raise NotImplementedError

    def leftovers(self, probe: EngineProbe) -> list[str]:
        """The names of what the engine started and what is still running."""
        return [thread.name for thread in probe.threads if thread.is_alive()]

    # --------------------------------------------------------------------------------------------------------------------

    @pytest.fixture(scope="class")
    @classmethod
    def probe(cls) -> Iterator[EngineProbe]:
        """An engine for all tests of the class."""
        probe = EngineProbe(cls().engine())
        yield probe
        probe.engine.stop()

    @pytest.fixture
    def own_probe(self) -> Iterator[EngineProbe]:
        """An engine for one test only."""
        probe = EngineProbe(self.engine())
        yield probe
        probe.engine.stop()

    def test_an_outcome_goes_to_its_page(self, probe: EngineProbe) -> None:
        single = {n: probe.read(self.numbered(new_id(), n))[0].text for n in range(1, 6)}
        assert len(set(single.values())) == 5
        numbers = list(range(5, 0, -1))
        while numbers:
            batch, numbers = numbers[: probe.engine.capacity], numbers[probe.engine.capacity :]
            readings = probe.read(*(self.numbered(new_id(), n) for n in batch))
            assert [reading.text for reading in readings] == [single[n] for n in batch]

    def test_pages_of_one_batch_are_read_each_with_its_own_options(self, probe: EngineProbe) -> None:
        first, second = self.two_ways()
        together = probe.read(first, second)
        assert together[0].text != together[1].text
        single = [probe.read(request)[0] for request in self.two_ways()]
        assert [reading.text for reading in together] == [reading.text for reading in single]

    def test_a_page_that_was_prepared_is_read_as_any_other_however_often(self, probe: EngineProbe) -> None:
        for request in self.two_ways():
            ready = replace(request, id=new_id(), prepared=probe.engine.prepare(request.page, request.options))
            (plain,) = probe.read(request)
            assert [probe.read(replace(ready, id=new_id()))[0] for _ in range(2)] == [plain] * 2

    def test_a_started_engine_knows_exactly_which_model_it_runs(self, probe: EngineProbe) -> None:
        assert len(probe.engine.revision.split()[0]) >= 1
        assert probe.engine.revision.isprintable()

    def test_a_bad_page_fails_with_its_code_and_its_neighbours_are_read(self, probe: EngineProbe) -> None:
        bad, *good = self.bad(new_id()), *(self.short(new_id()) for _ in range(probe.engine.capacity - 1))
        probe.engine.enter([bad, *good])
        error = probe.outcome(bad.id).result
        assert isinstance(error, OcrError)
        assert error.code == self.bad_code
        assert all(probe.reading(request.id) for request in good)
        assert probe.engine.alive()

    def test_a_short_page_does_not_wait_for_a_long_one(self, probe: EngineProbe) -> None:
        assert any(self._overtakes(probe) for _ in range(_TRIES))

    def _overtakes(self, probe: EngineProbe) -> bool:
        long, short = self.long(new_id()), self.short(new_id())
        probe.read(long, short)
        return probe.order.index(short.id) < probe.order.index(long.id)

    def test_a_page_may_enter_while_another_is_read(self, probe: EngineProbe) -> None:
        long, short = self.long(new_id()), self.short(new_id())
        probe.engine.enter([long])
        probe.engine.enter([short])
        assert probe.reading(short.id)
        assert probe.reading(long.id)

    def test_an_aborted_page_harms_no_other_and_frees_its_slot(self, probe: EngineProbe) -> None:
        long, short = self.long(new_id()), self.short(new_id())
        probe.engine.enter([long, short])
        probe.engine.abort(long.id)
        assert probe.reading(short.id)
        assert all(probe.read(*(self.short(new_id()) for _ in range(probe.engine.capacity))))

    def test_aborting_a_page_that_is_not_inside_does_nothing(self, probe: EngineProbe) -> None:
        done = self.short(new_id())
        probe.read(done)
        probe.engine.abort(done.id)
        probe.engine.abort("never seen")
        assert probe.read(self.short(new_id()))

    def test_a_page_has_its_own_time(self, probe: EngineProbe) -> None:
        assert any(self._takes_less_time(probe) for _ in range(_TRIES))

    def _takes_less_time(self, probe: EngineProbe) -> bool:
        long, short = self.long(new_id()), self.short(new_id())
        probe.read(long, short)
        return 0 < probe.outcome(short.id).seconds < probe.outcome(long.id).seconds

    def test_failure_is_reported_once(self, own_probe: EngineProbe) -> None:
        assert own_probe.engine.alive()
        self.kill(own_probe)
        until(lambda: own_probe.failures, what="the failure is reported")
        assert not own_probe.engine.alive()
        own_probe.engine.stop()
        assert len(own_probe.failures) == 1

    def test_after_stop_nothing_runs_and_nothing_is_delivered(self, own_probe: EngineProbe) -> None:
        delivering, go_on = threading.Event(), threading.Event()
        own_probe.before_outcomes = lambda: (delivering.set(), go_on.wait())[0]
        own_probe.engine.enter([self.long(new_id()), self.short(new_id())])
        delivering.wait()
        stopping = threading.Thread(target=own_probe.engine.stop)
        stopping.start()
        stopping.join(0.1)
        assert stopping.is_alive(), "stop returned while an outcome was being delivered"
        go_on.set()
        stopping.join()
        delivered = len(own_probe.outcomes)
        assert not own_probe.engine.alive()
        until(lambda: not self.leftovers(own_probe), timeout=60, what="all is gone")
        assert len(own_probe.outcomes) == delivered
        assert not own_probe.failures
