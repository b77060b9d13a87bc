"""Scores what layout gets wrong: runs of words torn apart, tables invented, tables missed.

`flow` is the share of the truth's runs of six tokens that stand together in the text: mixed columns or cells tear them apart,
the order of whole blocks does not. Whether a page has a table is known where its entry says `table`, or from below.
"""

import json
import re
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

_RUN = 6  #: tokens
_CJK = "\u2e80-\u2fdf\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uac00-\ud7af"
_TOKEN = re.compile(rf"[{_CJK}]|[^\W_{_CJK}]+")  #: a character of a script without spaces, or a word
#: of ../shared/data/documents, whose manifest does not say `table`: what has a table, and where that is a matter of taste
_WITH_TABLE = (
    "earnings_table.png",
    "zh_finance_table.png",
    "zh_finance_table4.png",
    "gdoc_palette.png",
    "gdoc.pdf",
    "invoice_ch.jpg",
)
_UNDECIDED = ("receipt", "form", "page-infobox")  #: kinds
_PIPE_RULE = re.compile(r"^ *\|?(?: *:?-{3,}:? *\|)+(?: *:?-{3,}:?)? *$", re.MULTILINE)


@dataclass(frozen=True)
class PageScore:
    """One document against its truth."""

    file: str
    recall: float  #: share of the truth's tokens that were read
    cer: float  #: character error rate
    flow: float
    multi_column: bool
    has_table: bool | None  #: None where it is not known
    table_read: bool


def score_page(scorer: ModuleType, entry: dict[str, object], truth: str, text: str) -> PageScore:
    """`entry` is of the manifest, `text` markdown; `scorer` has `score` and `normalise` of the shared scorer."""
    casefold = bool(entry.get("casefold", False))
    score = scorer.score(truth, text, casefold)
    return PageScore(
        file=Path(str(entry["file"])).name,
        recall=score["recall"],
        cer=score["cer"],
        flow=flow(*(scorer.normalise(t, casefold) for t in (truth, text))),
        multi_column=bool(entry.get("multi_column")),
        has_table=_truth_has_table(entry),
        table_read=has_table(text),
    )


def _truth_has_table(entry: dict[str, object]) -> bool | None:
    table = entry.get("table")
    if isinstance(table, bool):
        return table
    return None if entry.get("kind") in _UNDECIDED else Path(str(entry["file"])).name in _WITH_TABLE


def flow(truth: str, text: str) -> float:
    """The share of the truth's runs of six tokens that are in the text, 1.0 where it has none."""
    wanted, found = _runs(truth), _runs(text)
    return (wanted & found).total() / wanted.total() if wanted else 1.0


def _runs(text: str) -> Counter[tuple[str, ...]]:
    tokens = _TOKEN.findall(text.casefold())
    return Counter(zip(*(tokens[n:] for n in range(_RUN)), strict=False))


def has_table(markdown: str) -> bool:
    """Whether markdown has a table, of pipes or as HTML."""
    return bool(_PIPE_RULE.search(markdown)) or re.search(r"<table\b", markdown, re.IGNORECASE) is not None


def summary(pages: Sequence[PageScore]) -> str:
    """One line: the means and medians of a set, as JSON."""
    columns = [page.cer for page in pages if page.multi_column]
    with_table = [page.table_read for page in pages if page.has_table is True]
    without = [page.table_read for page in pages if page.has_table is False]
    figures: dict[str, object] = {
        "pages": len(pages),
        "recall": round(statistics.fmean(page.recall for page in pages), 4),
        "median CER": round(statistics.median(page.cer for page in pages), 4),
        "median CER, multi-column": round(statistics.median(columns), 4) if columns else None,
        "flow": round(statistics.fmean(page.flow for page in pages), 4),
        "tables found": f"{sum(with_table)} of {len(with_table)}",
        "tables invented": f"{sum(without)} of {len(without)}",
    }
    return json.dumps(figures)
