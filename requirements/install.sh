#!/bin/sh
# Make .venv hold what requirements/NAME.lock says, and the project itself. NAME: run or dev.
# Does nothing when it does already; then it takes no time and needs no network.
set -eu
cd "$(dirname "$0")/.."
name=$1
python=.venv/bin/python

wanted() { cat "requirements/$1.lock" setup.cfg pyproject.toml; }
fail() { echo "$*" >&2; exit 1; }
fits() { "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; }
pip() { "$python" -m pip install -qq --no-input --disable-pip-version-check --progress-bar off "$@"; }

if fits $python && wanted "$name" | cmp -s - ".venv/.installed-$name"; then
    exit 0
fi

if ! { fits $python && "$python" -m pip --version >/dev/null 2>&1; }; then
    found=
    bare=
    for candidate in ${PYTHON:-} python3.13 python3.12 python3.11 python3 python; do
        if fits "$candidate"; then
            if "$candidate" -c 'import venv, ensurepip' 2>/dev/null; then
                found=$candidate
                break
            fi
            bare=$candidate
        fi
    done
    if [ -z "$found" ]; then
        [ -z "$bare" ] || fail "$bare cannot make a virtual environment: apt install python3-venv"
        fail "Python 3.11, 3.12 or 3.13 is needed and none is on PATH (or: make PYTHON=/path/to/python3.12 run)"
    fi
    echo "making .venv with $("$found" --version) …"
    "$found" -m venv --clear .venv
fi

if [ -e ".venv/.installed-$name" ]; then
    echo "installing dependencies (the lock has changed) …"
else
    echo "installing dependencies (first time, about a minute) …"
fi
rm -f .venv/.installed-*
# wheels only: nothing is compiled and no foreign setup code runs here; hashes: what was locked and nothing else, and all of it
# is: no dependencies beside it
pip --no-deps --require-hashes --only-binary :all: -r "requirements/$name.lock"
pip --no-deps --no-build-isolation --editable .
wanted "$name" >".venv/.installed-$name"
# dev.lock holds all of run.lock, in the same versions
[ "$name" != dev ] || wanted run >.venv/.installed-run
