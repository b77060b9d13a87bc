"""Test files of one name cannot be collected together, as `make test` does."""

from collections import Counter
from pathlib import Path

TESTS = Path(__file__).parents[1]


def test_every_test_file_has_a_name_of_its_own() -> None:
    names = Counter(file.name for file in TESTS.rglob("test_*.py") if file.parent.name != "vllm")
    assert [name for name, times in names.items() if times > 1] == []
