# Everything a developer or an administrator types. `make` alone lists it.
.DEFAULT_GOAL := help
.PHONY: help run test lint types bench simulate screenshots lock messages force
SHELL := /bin/sh

BIN := .venv/bin
PY := $(BIN)/python
# Errors speak in message ids: their first argument belongs into the catalogue.
REFUSALS := Invalid NotAllowed NotFound Conflict TooLarge TooMany NotSignedIn
TRANSLATIONS := workbench/translations
PO := $(wildcard $(TRANSLATIONS)/*/LC_MESSAGES/messages.po)

help: ## List what can be done
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: .venv/runtime.stamp .venv/messages.stamp ## Start everything, with demo data on the first start (Ctrl-C ends it)
	@sh workbench/launch/tools.sh --soft
	@exec $(PY) -m workbench serve --demo

test: .venv/dev.stamp .venv/messages.stamp ## Check style, types and walls between rooms, then run every test
	@sh workbench/launch/chromium.sh
	@sh workbench/launch/tools.sh
	@$(MAKE) --no-print-directory lint types
	@$(PY) tests/run.py

lint: .venv/dev.stamp ## Check style, format and which room imports which
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo

types: .venv/dev.stamp ## Check types
	$(BIN)/mypy

bench: .venv/dev.stamp .venv/messages.stamp ## Measure on 1,000,000 cases; prints a table, writes var/bench.json
	@$(PY) -m tests.bench

simulate: .venv/dev.stamp ## Play 10,000 parcels in which everything goes wrong, and hold the records against the truth
	@$(PY) -m tests.simulate

screenshots: .venv/dev.stamp .venv/messages.stamp ## Take docs/screenshots/ anew
	@sh workbench/launch/chromium.sh
	@$(PY) -m tests.browser.screenshots

messages: .venv/messages.pot ## Bring the translations up to date with the code
	$(BIN)/pybabel update -w 0 --no-fuzzy-matching --ignore-obsolete -i .venv/messages.pot -d $(TRANSLATIONS)
	$(BIN)/pybabel compile -d $(TRANSLATIONS)

lock: .venv/dev.stamp ## Pin requirements*.in anew, with hashes (needs uv)
	uv pip compile --generate-hashes --universal --python-version 3.11 --no-header --no-emit-index-url --upgrade requirements.in -o requirements.txt
	uv pip compile --generate-hashes --universal --python-version 3.11 --no-header --no-emit-index-url --upgrade requirements-dev.in -o requirements-dev.txt

# The stamps are as new as what was installed, so that a changed pin installs again and an unchanged one costs nothing.
.venv/runtime.stamp: requirements.txt
	@test -e .venv/dev.stamp || echo "Installing the pinned packages into .venv …"
	@sh workbench/launch/venv.sh requirements.txt
	@touch $@

.venv/dev.stamp: requirements-dev.txt requirements.txt
	@echo "Installing the pinned packages into .venv …"
	@sh workbench/launch/venv.sh requirements-dev.txt
	@touch $@ .venv/runtime.stamp

.venv/messages.stamp: $(PO) | .venv/runtime.stamp
	@test -z "$(PO)" || $(BIN)/pybabel -q compile -d $(TRANSLATIONS)
	@touch $@

# What the code says, drawn anew each time it is asked for.
.venv/messages.pot: .venv/dev.stamp force
	@$(BIN)/pybabel -q extract -F pyproject.toml --no-location --sort-output -k _ -k lazy_gettext -k N_ $(REFUSALS:%=-k %) -o $@ workbench templates

force:
