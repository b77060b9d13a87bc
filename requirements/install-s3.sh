#!/bin/sh
# Make .venv-s3 hold what requirements/s3-test.lock says: moto's server, which the tests of a store in S3 talk to.
# Does nothing when it does already.
set -eu
cd "$(dirname "$0")/.."
python=.venv-s3/bin/python

if cmp -s requirements/s3-test.lock .venv-s3/.installed; then
    exit 0
fi
echo "making .venv-s3: moto (317 MB, half a minute) …"
.venv/bin/python -m venv --clear .venv-s3
"$python" -m pip install -qq --no-input --disable-pip-version-check --progress-bar off \
    --require-hashes --only-binary :all: -r requirements/s3-test.lock
cp requirements/s3-test.lock .venv-s3/.installed
