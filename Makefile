# `make` or `make help` lists what there is. Everything happens in .venv; nothing else on the machine is touched.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DEV := $(VENV)/.installed-dev
# Tests write to a real MLflow server. It asks for an older PyArrow than ours, so it has an environment of its own, which
# finds there what it lacks.
MLFLOW := $(VENV)/mlflow-server
# pip's `torch` brings a build for GPUs of several GB; the version pinned here is what the project is tested with.
CONSTRAINTS := constraints.txt
# Where it is set, every command and worker that the tests start compiles all modules anew, which takes most of a second.
unexport PYTHONDONTWRITEBYTECODE
# There is a test process for each core: threads of theirs would only wait for each other.
test test-all coverage: export OMP_NUM_THREADS := 1

.DEFAULT_GOAL := help
.PHONY: help quickstart mlflow-server test test-all lint bench bench-gpu docs check coverage mutation release-check clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-12s %s\n", $$1, $$2}'

$(STAMP): pyproject.toml $(CONSTRAINTS)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint $(CONSTRAINTS) --editable .
	@touch $@

$(DEV): $(STAMP)
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint $(CONSTRAINTS) --editable '.[dev]'
	@touch $@

$(MLFLOW)/.installed: $(DEV)
	$(BIN)/python -m venv $(MLFLOW)
	$(BIN)/python -c "import sysconfig; print(sysconfig.get_path('purelib'))" > "$$($(MLFLOW)/bin/python -c "import sysconfig; print(sysconfig.get_path('purelib'))")/beside.pth"
	$(MLFLOW)/bin/pip install --quiet --disable-pip-version-check mlflow==3.17.2
	@touch $@

quickstart: $(STAMP) ## install, train the first study on real data, print its transfer table
	$(BIN)/mtlrun sweep experiment=quickstart

mlflow-server: $(MLFLOW)/.installed ## install the MLflow server that tests of tracker=mlflow write to (250 MB)

test: $(DEV) ## run the tests (minutes)
	$(BIN)/python -m pytest -n 2 -m "not slow"

test-all: $(MLFLOW)/.installed ## run every test, the slow ones too
	$(BIN)/python -m pytest -n 2

lint: $(DEV) ## style, types, import contract
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(DEV) ## speed, memory and goals beside the plain loop and TorchJD, on one core (about 20 minutes)
	$(BIN)/python -m benchmarks.bench --output benchmarks/results/cpu.json

bench-gpu: $(DEV) ## lanes against speed and memory on a GPU, where there is one
	$(BIN)/python -m benchmarks.bench --device cuda --lanes 1 4 16 64 256 1024 --only steps --output benchmarks/results/cuda.json

docs: $(DEV) ## write docs/strategies.md from the docstrings, build the site into site/
	$(BIN)/python -m docs.build
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

check: $(STAMP) ## train the quickstart study and hold it against its committed lock file
	$(BIN)/mtlrun sweep experiment=quickstart
	$(BIN)/mtlrun check experiments/quickstart/lock.json

coverage: $(DEV) ## which branches of the code the tests take (about twice as long as the tests)
	$(BIN)/python -m pytest -n 2 -m "not slow" --cov --cov-report=term:skip-covered --cov-report=html:site/coverage

mutation: $(DEV) ## change formulas of statistics/ and weighting/ at random; do tests notice? (about an hour, one core)
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.mutation

release-check: ## build twice and compare, then try the wheel on each Python from 3.10 to 3.13 that is here
	.ci/release-check

clean: ## remove the environment and caches; stored runs stay
	rm -rf $(VENV) site mutants .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
