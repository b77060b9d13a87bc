"""How much tests with many examples do: all of it, or a tenth under Hypothesis' profile "quick", which `make test-unit` loads."""

import hypothesis

_ALL = 100  #: examples of a test that names no number, where all is done


def load_profiles() -> None:
    """Register both, and load the one that does all; `--hypothesis-profile` loads another one later."""
    # how long an example takes says how busy the machine is, where a test does not measure it
    all_of_it = hypothesis.settings(
        deadline=None, max_examples=_ALL, suppress_health_check=[hypothesis.HealthCheck.too_slow]
    )
    hypothesis.settings.register_profile("all", all_of_it)
    hypothesis.settings.register_profile("quick", all_of_it, max_examples=_ALL // 10)
    hypothesis.settings.load_profile("all")


def examples(count: int) -> hypothesis.settings:
    """Settings for so many examples, fewer under the profile "quick"."""
    return hypothesis.settings(max_examples=part_of(count))


def part_of(count: int) -> int:
    """This number, less under the profile "quick"."""
    return max(1, count * hypothesis.settings.default.max_examples // _ALL)
