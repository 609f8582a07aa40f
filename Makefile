# Each target does its own set-up in .venv, once; nothing else needs to be installed or activated.
# To use another interpreter: make demo PYTHON=python3.13

PYTHON ?= python3
PYTEST_ARGS ?=
VENV := .venv
BIN := $(VENV)/bin
SOURCES := gateware sim host boards tests

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help demo test lint clean

help:  ## list the targets
	@echo "make demo   train XOR on the compiled gateware; writes runs/xor"
	@echo "make test   run the default test suite"
	@echo "make lint   check style, types and the direction of imports"
	@echo "make clean  remove what the others made, $(VENV) included"

demo: $(VENV)/sim.stamp
	@echo "==> Training a 2-2-1 network on XOR, on the compiled gateware (the first time, compiling it too)"
	$(BIN)/pmgd train xor --out runs/xor

test: $(VENV)/test.stamp
	@echo "==> Running the tests"
	$(BIN)/pytest --numprocesses auto $(PYTEST_ARGS)

lint: $(VENV)/dev.stamp .lint/pmgd
	@echo "==> Checking style"
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	@echo "==> Checking types"
	$(BIN)/mypy
	@echo "==> Checking the direction of imports"
	PYTHONPATH=.lint $(BIN)/lint-imports --no-logo

clean:
	rm -rf $(VENV) .lint runs build dist *.egg-info .coverage
	rm -rf .pytest_cache .hypothesis .mypy_cache .ruff_cache .import_linter_cache
	find $(SOURCES) -name __pycache__ -prune -exec rm -r {} +

$(VENV)/made.stamp:
	@echo "==> Making $(VENV) with $(PYTHON), which must be Python 3.11 or later"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	    echo "Python 3.11 or later is needed, not $$($(PYTHON) --version 2>&1 | head -n 1);" \
	        "install it, or name one: make $(or $(MAKECMDGOALS),demo) PYTHON=/path/to/python3"; exit 1; }
	@rm -rf $(VENV)
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
	    echo "the module venv is needed, but $(PYTHON) has none that works;" \
	        "on Debian and Ubuntu: apt install python3-venv"; exit 1; }
	@touch $@

# Editable, so that only a change of pyproject.toml asks for another round.
$(VENV)/%.stamp: pyproject.toml | $(VENV)/made.stamp
	@echo "==> Installing pmgd with its extra '$*' from PyPI into $(VENV)"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[$*]'
	@touch $@

# mypy and import-linter look for a folder pmgd, which only these links make.
.lint/pmgd:
	@mkdir -p $@
	@for folder in gateware sim host boards; do ln -sfn ../../$$folder $@/$$folder; done
