# The commands of this project. Only Python (with venv) and make are needed; pip brings the rest, but for
# the Chromium of the tests in real pages.
# Each environment has a stamp file, so that a second call starts at once.

PYTHON ?= python3
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

DEMO := .venv
TEST := .venv-test
LINT := .venv-lint
BENCH := .venv-bench
# For `make test`: as many tests at a time as there are processors.
PYTEST ?= --numprocesses=logical
PIP_INSTALL := -m pip install --quiet --disable-pip-version-check
SOURCES := $(shell find xpmnb -type f -not -name '*.pyc' 2>/dev/null)

.PHONY: help demo lab test lint format notebooks screenshots bench clean python

help:
	@echo 'make demo         execute notebooks/01_first_experiment.ipynb and print its jobs'
	@echo 'make lab          open the notebooks in JupyterLab'
	@echo 'make test         run the tests'
	@echo 'make lint         check style and types'
	@echo 'make format       let ruff format the code'
	@echo 'make notebooks    execute the notebooks and store their outputs'
	@echo 'make screenshots  take the pictures of the documentation (docs/images)'
	@echo 'make bench        measure what jobs, identifiers and tables cost (docs/benchmarks.md)'
	@echo 'make clean        remove environments, caches and builds'

demo: $(DEMO)/stamp
	@$(DEMO)/bin/python tools/demo.py

lab: $(DEMO)/stamp
	$(DEMO)/bin/python -m jupyterlab --notebook-dir=notebooks $(if $(filter 0,$(shell id -u)),--allow-root)

test: $(TEST)/stamp $(TEST)/chromium
	$(TEST)/bin/python -m pytest $(PYTEST)

lint: $(LINT)/stamp
	$(LINT)/bin/python -m ruff check
	$(LINT)/bin/python -m ruff format --check
	$(LINT)/bin/python -m mypy
	$(LINT)/bin/python -m pyright --pythonpath $(LINT)/bin/python

format: $(LINT)/stamp
	$(LINT)/bin/python -m ruff check --fix-only
	$(LINT)/bin/python -m ruff format

notebooks: $(DEMO)/stamp
	@$(DEMO)/bin/python tools/demo.py --store

screenshots: $(TEST)/stamp $(TEST)/chromium
	@$(TEST)/bin/python -m tools.screenshots

bench: $(BENCH)/stamp
	@$(BENCH)/bin/python -m benchmarks $(PARTS)

clean:
	rm -rf $(DEMO) $(TEST) $(LINT) $(BENCH) build dist notebooks/runs htmlcov .coverage
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find xpmnb tests tools benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

# The demo holds the package as a user installs it: it is installed again when a source changes.
$(DEMO)/stamp: pyproject.toml $(SOURCES) | python
	@echo 'Installing xpmnb and what the notebooks use into $(DEMO) ...'
	@test -x $(DEMO)/bin/python || $(PYTHON) -m venv $(DEMO)
	@$(DEMO)/bin/python $(PIP_INSTALL) '.[demo]'
	@touch $@

# The others hold it in place, so that an edit is tested without installing.
$(TEST)/stamp: pyproject.toml | python
	@echo 'Installing xpmnb and what its tests use into $(TEST) ...'
	@test -x $(TEST)/bin/python || $(PYTHON) -m venv $(TEST)
	@$(TEST)/bin/python $(PIP_INSTALL) --editable '.[test,browser]'
	@touch $@

# Asked for once, of who may install it. Without a Chromium the tests in real pages say that they were not run.
$(TEST)/chromium: | $(TEST)/stamp
	@if $(TEST)/bin/python -m tests.browser.chromium >$@.log || [ "$$(id -u)" != 0 ] || \
	  ! command -v apt-get >/dev/null; then :; else \
	  echo 'Installing Chromium for the tests in real pages ...'; \
	  { apt-get update -qq && apt-get install -qq -y --no-install-recommends chromium \
	    fonts-dejavu-core fonts-liberation; } >>$@.log 2>&1 || echo "That failed: see $@.log" >&2; \
	fi
	@touch $@

$(LINT)/stamp: pyproject.toml | python
	@echo 'Installing xpmnb and what checks it into $(LINT) ...'
	@test -x $(LINT)/bin/python || $(PYTHON) -m venv $(LINT)
	@$(LINT)/bin/python $(PIP_INSTALL) --editable '.[test,browser,lint]'
	@touch $@

$(BENCH)/stamp: pyproject.toml | python
	@echo 'Installing xpmnb and what it is compared with into $(BENCH) ...'
	@test -x $(BENCH)/bin/python || $(PYTHON) -m venv $(BENCH)
	@$(BENCH)/bin/python $(PIP_INSTALL) --editable '.[peers]'
	@touch $@

python:
	@$(PYTHON) -c '' 2>/dev/null || { \
	  echo 'xpmnb: there is no "$(PYTHON)". Install Python 3.11 or newer (Debian, Ubuntu: apt-get' >&2; \
	  echo 'install python3 python3-venv), or name one: make PYTHON=/path/to/python3' >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "xpmnb needs Python 3.11 or newer; \"$(PYTHON)\" is $$($(PYTHON) -V 2>&1)." >&2; \
	  echo 'Name a newer one, for example: make PYTHON=python3.13' >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo '"$(PYTHON)" cannot make virtual environments: its venv module is missing.' >&2; \
	  echo 'Install it (Debian, Ubuntu: apt-get install python3-venv) and try again.' >&2; exit 1; }
