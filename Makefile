# The two commands: `make demo` and `make test`. Both install what they need; `make help` lists the rest.
# PYTHON chooses the interpreter whose torch is used, e.g. `make demo PYTHON=/opt/conda/bin/python`.
PYTHON ?= python3
VENV_PYTHON := .venv/bin/python
DEMO_CONFIG := configs/ablation/smollm2.yaml
DEMO_SOURCES := smollm2-135m-instruct boolq_passages
.DEFAULT_GOAL := help
.PHONY: help demo test lint format bench clean

help: ## list the commands
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 10

demo: ## build, fetch SmolLM2-135M-Instruct, print what zeroing its massive activation costs
	@$(PYTHON) scripts/setup.py demo
	@$(VENV_PYTHON) scripts/build.py demo
	@$(VENV_PYTHON) -m libma fetch $(DEMO_SOURCES)
	@build/experiments/ablation $(DEMO_CONFIG)

test: ## build everything, run all tests and checks, print `N passed, N failed, N skipped`
	@$(PYTHON) scripts/setup.py test
	@$(VENV_PYTHON) scripts/build.py all
	@$(VENV_PYTHON) -m libma fetch $(DEMO_SOURCES) tasks || echo "-- tests that need what is missing will be skipped"
	@$(VENV_PYTHON) scripts/check.py

lint: ## formatting, ruff, mypy, and clang-tidy on the files that differ from main
	@$(PYTHON) scripts/setup.py test
	@$(VENV_PYTHON) scripts/check.py --only lint --tidy

format: ## rewrite C++ and Python files as the checks want them
	@$(PYTHON) scripts/setup.py test
	@$(VENV_PYTHON) scripts/check.py --format

bench: ## build and run the benchmarks
	@$(PYTHON) scripts/setup.py test
	@$(VENV_PYTHON) scripts/build.py bench
	@for bench in build/tests/bench/bench_*; do $$bench || exit 1; done

clean: ## remove the build folder (.venv and the cache of models stay)
	rm -rf build
