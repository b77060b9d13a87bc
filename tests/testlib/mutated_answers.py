"""Answers as DeepSeek-OCR writes them, and what becomes of them where the model goes in circles or is cut off."""

import random

PAGE = """<|ref|>title<|/ref|><|det|>[[51, 82, 500, 110]]<|/det|>
# Annual report 2024

<|ref|>text<|/ref|><|det|>[[51, 120, 500, 300]]<|/det|>
Net sales rose by 4 % to \\(1.2 \\cdot 10^9\\), see *Notes* and [1].

<|ref|>table<|/ref|><|det|>[[51, 310, 940, 500]]<|/det|>
<table><tr><td>Item</td><td>2023</td><td>2024</td></tr><tr><td>Sales &amp; rent</td><td>1 &lt; 2</td><td>a|b</td></tr></table>

<|ref|>table<|/ref|><|det|>[[51, 510, 940, 700]]<|/det|>
<table><thead><tr><th colspan="2">Both</th></tr></thead><tbody><tr><td>a</td><td>b</td></tr></tbody></table>

<|ref|>image<|/ref|><|det|>[[51, 710, 300, 900], [310, 710, 600, 900]]<|/det|>
![](images/0.jpg)

<|ref|>sub_title<|/ref|><|det|>[[51, 910, 300, 930]]<|/det|>
## 附注

<|ref|>text<|/ref|><|det|>[[51, 940, 940, 980]]<|/det|>
本公司及其子公司。
"""
FOUND = "Where is <|ref|>invoice number<|/ref|><|det|>[[120, 44, 310, 61]]<|/det|>"
PLAIN = "# Notes\n\nThe first line of a page that was read without places.\n\n| a | b |\n| --- | --- |\n| 1 | 2 |\n"
ANSWERS = (PAGE, FOUND, PLAIN)

_MARKS = "<|ref|> <|/ref|> <|det|> <|/det|> <| |> <|re f|> < > [[ ]] [ ] , - . ![ ]( ) # | * \\ & &lt; İ ９ 🙂 1e999"
#: what is written where it does not belong
PIECES = (
    *_MARKS.split(),
    *("<table>", "</table>", "<tr>", "</tr>", "<td>", "</td>", '<td rowspan="9">', "<table", "</td"),
    *("\n", "\n\n\n", " ", "\t", "\0", "\ud800", "<｜end▁of▁sentence｜>"),
)


def mutated(rng: random.Random) -> str:
    """One of the answers with a few parts deleted, doubled, moved, flooded or cut off."""
    text = rng.choice(ANSWERS)
    for _ in range(rng.randint(1, 8)):
        at = rng.randint(0, len(text))
        to = min(len(text), at + rng.choice((0, 1, 3, 9, 40)))
        text = rng.choice(_CHANGES)(rng, text, at, to)
    return text


_CHANGES = (
    lambda _, text, at, to: text[:at] + text[to:],
    lambda _, text, at, to: text[:to] + text[at:to] + text[to:],
    lambda rng, text, at, to: text[:at] + text[at:to] * rng.randint(2, 30) + text[to:],
    lambda rng, text, at, to: text[:at] + "".join(rng.choices(PIECES, k=rng.randint(1, 6))) + text[to:],
    lambda rng, text, at, to: text[:at] + rng.choice(PIECES) * rng.randint(2, 60) + text[to:],
    lambda rng, text, at, to: text[:at] + rng.choice("0123456789") * rng.choice((5, 309, 4301)) + text[to:],
    lambda _, text, at, to: text[to:] + text[:at],
    lambda _, text, at, __: text[:at],
)
