# Every target is one script of scripts/, which a person can run as well.
.DEFAULT_GOAL := help
.PHONY: help setup demo check test docs bench lock clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Make .venv with everything that development needs
	@scripts/setup --dev

demo: ## Ask the example documents some questions
	@scripts/demo

check: ## Lint, format, types, layers, docs, package
	@scripts/check

test: ## Run every test (ARGS="-k name" to choose)
	@scripts/test $(ARGS)

docs: ## Build the documentation in site/
	@scripts/docs $(ARGS)

bench: ## Measure speed and memory, and write benchmarks/performance/RESULTS.md
	@scripts/bench $(ARGS)

lock: ## Write the lock files anew from pyproject.toml
	@scripts/lock $(ARGS)

clean: ## Remove what setup, demo, tests and builds made
	@scripts/clean
