"""An engine hangs if it makes no step for too many polls while pages are inside."""

from ocr_celery.engine.vllm.watchdog import Watchdog


def test_an_engine_with_pages_that_makes_no_step_is_hung_after_so_many_polls() -> None:
    watchdog = Watchdog(max_idle_polls=3)
    assert [watchdog.is_hung(pages=1, steps=7) for _ in range(5)] == [False, False, False, True, True]


def test_a_slow_engine_is_not_hung() -> None:
    watchdog = Watchdog(max_idle_polls=3)
    assert not any(watchdog.is_hung(pages=1, steps=look // 3) for look in range(100))


def test_an_engine_without_pages_may_stand_still() -> None:
    watchdog = Watchdog(max_idle_polls=3)
    assert not any(watchdog.is_hung(pages=0, steps=7) for _ in range(100))


def test_the_time_without_pages_does_not_count() -> None:
    watchdog = Watchdog(max_idle_polls=3)
    for _ in range(100):
        watchdog.is_hung(pages=0, steps=7)
    assert [watchdog.is_hung(pages=1, steps=7) for _ in range(3)] == [False, False, True]


def test_pages_that_enter_a_hung_engine_give_it_no_more_time() -> None:
    watchdog = Watchdog(max_idle_polls=3)
    assert [watchdog.is_hung(pages=pages, steps=7) for pages in (1, 2, 3, 4)] == [False, False, False, True]
