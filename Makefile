# Targets describe themselves: `make help`.
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: help install demo up test test-all test-faults check format bench clean

help: ## Show the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(STAMP) ## Make the environment in .venv with the tested versions

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; this is $$($(PYTHON) -V). Set PYTHON=..."; exit 1; }
	@echo "beejan: making $(VENV) (about two minutes, 3 GB) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --progress-bar on -c constraints.txt -e '.[dev]'
	@touch $(STAMP)
	@echo "beejan: installed; $(BIN)/beejan --help"

demo: install ## Start everything and replay a week of complaints with an outage in it
	@$(BIN)/beejan demo

up: install ## Start an engine on ./data
	@$(BIN)/beejan up

test: install ## The tests that every change must pass, in two processes
	@BEEJAN_FAULT_ROWS=$${BEEJAN_FAULT_ROWS:-500} $(BIN)/python -m pytest -n 2 --dist loadfile -m "not soak and not slow and (not faults or short)"

test-all: install ## All tests, the minutes-long ones too
	@$(BIN)/python -m pytest

test-faults: install ## The fault matrix: 20,000 complaints in each fault (docs/faults.md)
	@$(BIN)/python -m pytest tests/faults

check: install ## Lint, format and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

format: install ## Put the code in form
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: install ## Pipeline against a plain loop, and latency at 20 complaints a second
	@$(BIN)/beejan bench pipeline latency --out out

clean: ## Remove the environment and what tools left; data stays
	@rm -rf $(VENV) build out *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
