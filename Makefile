# The interpreter that the virtual environment is made from: Python 3.11 or later.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV ?= .venv
PIP = $(VENV)/bin/python -m pip install --quiet --disable-pip-version-check

.PHONY: help serve test test-fast lint format bench chaos soak fuzz clean

help:
	@echo "make serve   start the service on http://127.0.0.1:8000 (ARGS='--port 9000 ...')"
	@echo "make test    lint, types and all tests"
	@echo "make test-fast  those that need neither training nor a browser nor the balancer"
	@echo "make lint    lint and types only"
	@echo "make format  format the code"
	@echo "make bench   measure the service, and others beside it (ARGS='--markdown FILE')"
	@echo "make chaos   kill, freeze and restart replicas under load; needs nginx (ARGS='--rounds 3')"
	@echo "make soak    steady load for 20 minutes, and what grows meanwhile (ARGS='--minutes 5')"
	@echo "make fuzz    send hostile and broken input to the service (ARGS='--seconds 60')"
	@echo "make clean   remove what make made, trained runs excepted"

serve: $(VENV)/.serve
	@exec $(VENV)/bin/python -m service $(ARGS)

test: lint
	$(VENV)/bin/python -m pytest

test-fast: lint
	OMP_NUM_THREADS=1 $(VENV)/bin/python -m pytest -m 'not training and not browser and not balancer' -n 4 --dist loadfile

lint: $(VENV)/.develop
	$(VENV)/bin/ruff check
	$(VENV)/bin/ruff format --check
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports --no-logo

format: $(VENV)/.develop
	$(VENV)/bin/ruff check --fix
	$(VENV)/bin/ruff format

bench: $(VENV)/.develop
	$(VENV)/bin/python -m tests.benchmarks $(ARGS)

chaos: $(VENV)/.develop
	$(VENV)/bin/python -m tests.chaos $(ARGS)

soak: $(VENV)/.develop
	$(VENV)/bin/python -m tests.chaos.soak $(ARGS)

fuzz: $(VENV)/.fuzz
	$(VENV)/bin/python -m tests.hostile $(ARGS)

clean:
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

# What serving needs: no PyTorch.
$(VENV)/.serve: pyproject.toml | $(VENV)/bin/python
	$(PIP) --editable '.[cpu]'
	touch $@

# What training and testing need besides.
$(VENV)/.develop: pyproject.toml .ci/constraints.txt | $(VENV)/bin/python
	$(PIP) --constraint .ci/constraints.txt --editable '.[cpu,trainer,dev]'
	touch $@ $(VENV)/.serve

# Atheris has no builds for some platforms; without it there is no coverage-guided fuzzing.
$(VENV)/.fuzz: $(VENV)/.develop
	$(PIP) --editable '.[fuzz]' || echo "atheris could not be installed: mutation without coverage"
	touch $@
