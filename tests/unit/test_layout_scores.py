"""What `make score` says of layout: whether runs of words stand together, and whether there is a table."""

import json

import pytest

from benchmarks.layout_scores import PageScore, flow, has_table, summary

LEFT = "the left column says one thing in eight words"
RIGHT = "while its neighbour speaks of quite another matter here"


def test_a_text_that_is_the_truth_flows() -> None:
    assert flow(f"{LEFT} {RIGHT}", f"{LEFT} {RIGHT}") == 1.0


def test_whole_blocks_in_another_order_lose_only_the_runs_between_them() -> None:
    assert flow(f"{LEFT} {RIGHT}", f"{RIGHT} {LEFT}") == pytest.approx(8 / 13)


def test_columns_read_across_lose_every_run() -> None:
    mixed = " ".join(f"{one} {other}" for one, other in zip(LEFT.split(), RIGHT.split(), strict=True))
    assert flow(f"{LEFT} {RIGHT}", mixed) == 0.0


def test_each_character_without_spaces_is_a_token() -> None:
    assert flow("春眠不觉晓处", "春眠不觉晓处") == 1.0
    assert flow("春眠不觉晓处", "春不眠觉晓处") == 0.0


@pytest.mark.parametrize(
    ("markdown", "table"),
    [
        ("| a | b |\n| --- | --- |\n| 1 | 2 |", True),
        ("a | b\n--- | ---\n1 | 2", True),
        ("<TABLE><tr><td>1</td></tr></TABLE>", True),
        ("a heading\n---\nand text", False),
        ("| a | b |\nno rule below", False),
        ("the &lt;table&gt; of a page about HTML", False),
    ],
)
def test_a_table_is_pipes_with_a_rule_or_html(markdown: str, table: bool) -> None:
    assert has_table(markdown) is table


def page(*, has_table: bool | None, table_read: bool) -> PageScore:
    return PageScore("a.png", 0.9, 0.1, 0.8, multi_column=False, has_table=has_table, table_read=table_read)


def test_tables_are_counted_where_the_truth_says_whether_there_is_one() -> None:
    pages = [
        page(has_table=True, table_read=True),
        page(has_table=True, table_read=False),
        page(has_table=False, table_read=True),
        page(has_table=None, table_read=True),
    ]
    said = json.loads(summary(pages))
    assert (said["tables found"], said["tables invented"]) == ("1 of 2", "1 of 1")
    assert (said["recall"], said["flow"], said["median CER, multi-column"]) == (0.9, 0.8, None)
