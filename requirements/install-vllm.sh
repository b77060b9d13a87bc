#!/bin/sh
# Make .venv-vllm hold what requirements/vllm.lock says, and the project itself: vLLM without a GPU, for its tests.
# Needs Python 3.11 on Linux, for which alone its CPU build can be had; elsewhere it says so and exits with status 3.
# Does nothing when all is there already.
set -eu
cd "$(dirname "$0")/.."
venv=.venv-vllm
python=$venv/bin/python

wanted() { cat requirements/vllm.lock requirements/torchvision_without_gpu.py setup.cfg pyproject.toml; }
cannot() { echo "vLLM cannot be tested here: $*" >&2; exit 3; }
fits() { "$1" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null; }
pip() { "$python" -m pip install -q --no-input --disable-pip-version-check --progress-bar off "$@"; }

if fits $python && wanted | cmp -s - "$venv/.installed"; then
    exit 0
fi

[ "$(uname -sm)" = "Linux x86_64" ] || cannot "its CPU build is for Linux on x86_64"
found=
for candidate in ${PYTHON:-} python3.11 python3 python; do
    if fits "$candidate"; then
        found=$candidate
        break
    fi
done
[ -n "$found" ] || cannot "it needs Python 3.11, and none is on PATH (or: make PYTHON=/path/to/python3.11 test-vllm)"

echo "making $venv: vLLM for CPUs (2 GB, some minutes) …"
"$found" -m venv --clear $venv || cannot "$found cannot make a virtual environment"
log=$venv/install.log
# no dependencies: the lock holds them all, less those that want a GPU; hashes: what was locked and nothing else
pip --no-deps --require-hashes --only-binary :all: -r requirements/vllm.lock >"$log" 2>&1 || {
    tail -n 5 "$log" >&2
    cannot "its packages could not be installed ($log); torch 2.13.0+cpu must be among pip's sources"
}
pip --no-deps --no-build-isolation --editable . >>"$log" 2>&1
site=$("$python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
cp requirements/torchvision_without_gpu.py "$site"
echo "import torchvision_without_gpu" >"$site/torchvision_without_gpu.pth"
wanted >"$venv/.installed"
