import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocr_celery.core.page_range import MAX_LENGTH, check_page_range, parse_page_range
from ocr_celery.errors import BadPageRange


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("all", [1, 2, 3, 4, 5, 6, 7, 8, 9]),
        ("", [1, 2, 3, 4, 5, 6, 7, 8, 9]),
        ("1-3,5", [1, 2, 3, 5]),
        ("r3-r1", [7, 8, 9]),
        ("r1", [9]),
        ("8-r1, 2 ,R9", [1, 2, 8, 9]),
        ("5,1-3,2,5", [1, 2, 3, 5]),
        ("3,all", [1, 2, 3, 4, 5, 6, 7, 8, 9]),
        ("8-999999999", [8, 9]),
        ("r99-2", [1, 2]),
        ("12,4", [4]),
        ("7-r5,1", [1]),
    ],
)
def test_a_range_selects_these_of_nine_pages(text: str, numbers: list[int]) -> None:
    check_page_range(text)
    assert parse_page_range(text, 9) == numbers


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("0", "has a page 0; pages count from 1"),
        ("0-3", "has a page 0"),
        ("r0", "has a page 0"),
        ("5-3", "runs backwards in '5-3'"),
        ("r1-r3", "runs backwards"),
        ("1,,2", "is not of the form"),
        ("1-", "is not of the form"),
        ("-3", "is not of the form"),
        ("1;2", "is not of the form"),
        ("every", "is not of the form"),
        ("１", "is not of the form"),
        ("1" * 10, "is not of the form"),
        ("1," * MAX_LENGTH, "characters; at most"),
    ],
)
def test_what_is_no_range_is_refused_before_and_after_the_file_is_open(text: str, says: str) -> None:
    with pytest.raises(BadPageRange, match=says):
        check_page_range(text)
    with pytest.raises(BadPageRange, match=says):
        parse_page_range(text, 9)


def test_a_range_of_which_the_file_has_no_page_says_how_many_it_has() -> None:
    check_page_range("10-12")
    with pytest.raises(BadPageRange, match="selects no page of this file, which has 9"):
        parse_page_range("10-12", 9)


ENDS = st.builds("{}{}".format, st.sampled_from(["", "r"]), st.integers(0, 30))
PARTS = ENDS | st.just("all") | st.builds("{}-{}".format, ENDS, ENDS)


def page_of(end: str, pages: int) -> int:
    return pages + 1 - int(end[1:]) if end.startswith("r") else int(end)


def is_selected(number: int, part: str, pages: int) -> bool:
    first, _, last = part.partition("-")
    return part == "all" or page_of(first, pages) <= number <= page_of(last or first, pages)


@given(st.lists(PARTS, min_size=1, max_size=6), st.integers(1, 30))
def test_a_page_is_selected_once_and_only_by_a_part_that_names_it(parts: list[str], pages: int) -> None:
    try:
        numbers = parse_page_range(",".join(parts), pages)
    except BadPageRange:
        return
    assert numbers == [n for n in range(1, pages + 1) if any(is_selected(n, part, pages) for part in parts)]


@given(st.text(max_size=20), st.integers(1, 30))
def test_no_text_raises_anything_but_a_refusal(text: str, pages: int) -> None:
    try:
        numbers = parse_page_range(text, pages)
    except BadPageRange:
        return
    assert numbers == sorted(set(numbers))
    assert set(numbers) <= set(range(1, pages + 1))
