# Needs Python 3.10+, pip and git. Everything is installed into $(VENV), once.
PYTHON ?= python3
VENV ?= .venv
WORKERS ?= 2
STGRAPH_WHEELS ?= $(HOME)/.cache/stgraph-wheels

BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --disable-pip-version-check -q -c constraints.txt

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test test-sparse lint docs benchmarks clean

help:
	@echo "make demo         install, generate clips, train, evaluate and draw: runs/demo"
	@echo "make test         install, lint, types, import contract, tests"
	@echo "make lint         the first three of them"
	@echo "make test-sparse  the tests that need torch-scatter and torch-sparse (long build, once)"
	@echo "make docs         docs/_build/html"
	@echo "make benchmarks   the speed measurements of tests/benchmarks"
	@echo "make clean        remove caches and build products; runs/ and $(VENV) stay"
	@echo "Set PYTHON to choose the interpreter: make test PYTHON=python3.11"

demo: $(VENV)/.stamp-demo
	$(BIN)/stgraph demo --out runs/demo

test: lint
	$(BIN)/python -m pytest -n $(WORKERS)

lint: $(VENV)/.stamp-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test-sparse: $(VENV)/.stamp-sparse
	$(BIN)/python -m pytest -m sparse

docs: $(VENV)/.stamp-docs
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build/html
	@echo "docs/_build/html/index.html"

benchmarks: $(VENV)/.stamp-dev
	$(BIN)/python -m pytest tests/benchmarks -m "slow or not slow"

clean:
	rm -rf build dist *.egg-info docs/_build docs/gallery examples/runs
	rm -rf .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .benchmarks
	find stgraph tests examples docs -name __pycache__ -type d -prune -exec rm -rf {} +

# The set-up: a stamp is newer than what it was made from, so a second run does nothing.
$(VENV)/.stamp-venv:
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 10) or sys.exit("stgraph needs Python \
	3.10 or newer, $(PYTHON) is %d.%d: set PYTHON=..." % sys.version_info[:2])'
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.stamp-torch: constraints.txt $(VENV)/.stamp-venv
	$(INSTALL) torch==2.13.0
	@touch $@

$(VENV)/.stamp-demo: setup.py constraints.txt $(VENV)/.stamp-torch
	$(INSTALL) -e '.[train,viz]'
	@touch $@

$(VENV)/.stamp-dev: setup.py constraints.txt $(VENV)/.stamp-torch
	$(INSTALL) -e '.[train,viz,dev]'
	@touch $@

$(VENV)/.stamp-docs: setup.py constraints.txt $(VENV)/.stamp-torch
	$(INSTALL) -e '.[train,viz,docs]'
	@touch $@

# Both packages are built against the installed torch, so pip must not isolate the build.
# Wheels fit one torch and one Python: empty $(STGRAPH_WHEELS) when either changes.
$(VENV)/.stamp-sparse: $(VENV)/.stamp-dev
	$(INSTALL) scipy setuptools wheel
	mkdir -p "$(STGRAPH_WHEELS)"
	$(BIN)/python -m pip wheel -q -c constraints.txt --no-deps --no-build-isolation \
		--find-links "$(STGRAPH_WHEELS)" --wheel-dir "$(STGRAPH_WHEELS)" torch-scatter torch-sparse
	$(INSTALL) --no-deps --find-links "$(STGRAPH_WHEELS)" --only-binary :all: \
		torch-scatter torch-sparse
	@touch $@
