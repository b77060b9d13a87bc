"""Print what setup.cfg requires for the extras named, one requirement a line: what `make lock` resolves.

A resolver could ask setuptools for it, but would then have to build the project, which a lock of wheels only forbids.
"""

import configparser
import re
import sys
from pathlib import Path

BUILD = "setuptools>=77"  #: puts the checkout itself into .venv with no network (pyproject.toml, build-system)


def main(extras: list[str]) -> None:
    """Print the requirements of the light client, of every extra and of those it names in turn."""
    setup = configparser.ConfigParser()
    setup.read_string((Path(__file__).parent.parent / "setup.cfg").read_text())
    wanted = {BUILD, *setup["options"]["install_requires"].split("\n")}
    while extras:
        for line in setup["options.extras_require"][extras.pop()].split("\n"):
            inner = re.fullmatch(r"ocr-celery\[(.+)\]", line.strip())
            if inner:
                extras += inner[1].replace(" ", "").split(",")
            else:
                wanted.add(line.strip())
    print("\n".join(sorted(wanted - {""})))


if __name__ == "__main__":
    main(sys.argv[1:])
