"""100,000 mutated answers through blocks to markdown: how many fail, and how long the slowest takes for its length.

    .venv/bin/python -m benchmarks.answers [--answers 100000] [--seed 0]

Exits with 1 where one fails. The answers and what is done to them are those of the tests (tests/testlib/mutated_answers.py).
"""

import argparse
import random
import sys
import time

from ocr_celery.core.grounding import parse_blocks
from ocr_celery.core.markdown import to_markdown
from tests.testlib.mutated_answers import mutated


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--answers", type=int, default=100_000)
    options.add_argument("--seed", type=int, default=0)
    given = options.parse_args()
    rng, failed, spent, characters, slowest = random.Random(given.seed), 0, 0.0, 0, 0.0
    for _ in range(given.answers):
        answer = mutated(rng)
        began = time.process_time()
        try:
            parse_blocks(answer)
            to_markdown(answer)
        except Exception as exc:
            failed += 1
            print(f"{exc!r}: {answer[:200]!a}")
        took = time.process_time() - began
        spent, characters = spent + took, characters + len(answer)
        slowest = max(slowest, 1e9 * took / (len(answer) + 1000))
    print(f"{given.answers} answers, {failed} failed; {spent:.1f} s for {characters / 1e6:.0f} million characters")
    print(f"{1e9 * spent / max(1, characters):.0f} ns a character; {slowest:.0f} ns where it took longest")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
