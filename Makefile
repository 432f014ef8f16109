# One command each; every target sets up what it needs first. `make` alone says what there is.
SHELL := /bin/sh
PYTHON ?=
B ?=
T ?=
# How many tests at a time; tools/test chooses for itself.
WORKERS ?=

export PYTHON
bin := .venv/bin
pytest := $(bin)/python -m pytest
code := exporter grafana tests tools

.DEFAULT_GOAL := help
.PHONY: help setup packages rum up down demo-bad-release stack stack-down screens check test mutants bench soak chaos wheel lock docs clean

help: ## Say what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## Make .venv from the lock (quick when nothing changed)
	@tools/setup

packages:
	@tools/debian-packages

rum: ## Build the browser script (needs Node)
	@tools/rum

# Where they can't be installed, the demo says what is missing and does without.
up: setup rum ## Run the demo production, the exporter that measures it, and the alerting behind it
	@tools/debian-packages prometheus $$(command -v alertmanager >/dev/null || echo prometheus-alertmanager) || true
	@$(bin)/rollwatch demo up

down: setup ## Stop what `make up` started
	@$(bin)/rollwatch demo down

demo-bad-release: setup ## Deploy a bad release of the demo that `make up` runs, and watch it being taken back
	@$(bin)/rollwatch demo bad-release

stack: ## Start the containers of docker-compose.yml (COMPOSE_PROFILES=demo, or as .env says), after a look around
	@tools/stack up

stack-down: ## Stop and remove these containers; their volumes stay
	@tools/stack down

check: setup ## Formatting, lint, types, direction of imports, generated files, dashboards
	@$(bin)/ruff format --check $(code)
	@$(bin)/ruff check $(code)
	@$(bin)/mypy
	@$(bin)/lint-imports
	@tools/generated --check
	@$(bin)/python tools/dashboards_lint.py

# Coverage is judged before it is shown, and silently when it is full: the last line is pytest's own.
ifeq ($(T),)
test: setup packages check ## All tests with coverage; only some: make test T=tests/unit
	@tools/rum --require
	@WORKERS=$(WORKERS) tools/test
else
test: setup packages
	@tools/rum --require
	@$(pytest) $(T)
endif

screens: setup packages ## Write the pictures of the docs, from the demo that `make up` runs
	@$(bin)/python tools/screens.py

mutants: setup packages ## Break every rule in every way: do its tests notice? Of one topic: make mutants T=health
	@PYTHONPATH=tests:grafana/source $(bin)/python -m mutants $(T)

bench: setup packages ## Figures beside a floor or a peer; one of them: make bench B=http
	@PYTHONPATH=tests:grafana/source $(bin)/python -m bench $(B)

soak: setup packages ## The demo for 30 minutes under changing faults (SECONDS=1800)
	@PYTHONPATH=tests:grafana/source $(bin)/python -m bench soak --seconds $(or $(SECONDS),1800)

chaos: setup packages ## The tests that kill, starve and confuse the exporter, ten times over (ROUNDS=10)
	@set -e; for round in $$(seq $(or $(ROUNDS),10)); do echo "round $$round"; $(pytest) -q -x -n $(or $(WORKERS),2) tests/chaos; done

wheel: setup rum ## Build dist/rollwatch-*.whl
	@$(bin)/python -m build --wheel --no-isolation --outdir dist . >.cache/wheel.log 2>&1 || { cat .cache/wheel.log >&2; exit 1; }
	@ls dist/*.whl

lock: setup ## Pin the newest versions that pyproject.toml allows: make lock ARGS=--upgrade
	@tools/lock $(ARGS)

docs: setup ## Write the files that are generated from the code
	@tools/generated

clean: ## Remove everything that can be made again
	@rm -rf .venv .cache dist build .coverage .coverage.* .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache \
		exporter/rollwatch/ingest/static exporter/rum/node_modules
