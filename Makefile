# make demo: see Miracle work. make test: prove that it does. Both set everything up by themselves.

SHELL := /bin/bash
# Bytecode is kept whatever the machine says: without it every process compiles what it imports.
unexport PYTHONDONTWRITEBYTECODE
BIN := .venv/bin
WORKERS ?= 4

.PHONY: help setup demo test check types layers bench format docs constraints clean

help: ## this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: ## .venv with everything in it, and a sandbox
	@scripts/setup.sh

demo: setup ## the main job: a goal becomes code that tests prove, without a key
	@$(BIN)/miracle demo

test: setup ## all tests
	$(BIN)/pytest -n $(WORKERS) --dist worksteal -m "not bench" $(ARGS)

check: setup ## format, ruff, strict mypy, layers, all tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(MAKE) --no-print-directory --jobs=2 --output-sync types layers
	$(MAKE) --no-print-directory test

types:
	$(BIN)/mypy
	$(BIN)/mypy scripts/*.py

# The second core is free while mypy works: pytest compiles the tests in that time, once and not once in every worker.
layers:
	$(BIN)/lint-imports
	-@$(BIN)/pytest --collect-only -qq -m "not bench" >/dev/null

bench: setup ## measurements, one after another
	@set -e; for script in tests/bench/bench_*.py; do echo "== $$script"; $(BIN)/python -P "$$script"; done
	@$(BIN)/pytest -m bench -n 0 -s -q $(ARGS) || [ $$? = 5 ]

format: setup ## put the code into shape
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: setup ## the generated parts of docs/
	$(BIN)/python -m config.reference
	$(BIN)/python scripts/reference.py

constraints: setup ## pin the newest versions of all dependencies
	scripts/constraints.sh --upgrade

clean: ## remove .venv and caches
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis build dist
