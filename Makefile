# Everything here needs Python 3.11 or newer and make, nothing else. `make` alone says what there is.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin

# Prefect and the registry want different versions of one library, so the examples have an environment of their own.
EXAMPLES := .venv-examples

# -qq: what pip has to say about the machine's own settings is no news; an error still shows.
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq

# pyright comes with its JavaScript and its node; without this it would ask the network whether a newer one is out.
export PYRIGHT_PYTHON_IGNORE_WARNINGS := 1

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help quickstart check test test-unit watch test-all bench bench-registry bench-copying mutate lock clean

help: ## Say what there is
	@echo "make PYTHON=python3.13 ... picks another Python than python3 for a new $(VENV)"
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

quickstart: $(VENV)/.installed ## Install into .venv and try everything on this machine, with a registry of its own
	@$(BIN)/stardag quickstart

check: $(VENV)/.installed-dev ## Format, lint, types and architecture
	@echo "ruff format" && $(BIN)/ruff format --check --quiet . || { echo "Not formatted; '$(BIN)/ruff format .' does it."; exit 1; }
	@echo "ruff check"  && $(BIN)/ruff check --quiet .
	@echo "mypy"        && $(BIN)/mypy --no-error-summary
	@echo "pyright"     && $(BIN)/pyright --project pyproject.toml
	@echo "import-linter" && $(BIN)/lint-imports

test: $(VENV)/.installed-dev $(EXAMPLES)/.installed ## The tests, but for the slow ones, and how much they cover
	@$(BIN)/pytest --cov --cov-report=

# The domain, the use cases, the command line's words, and the contracts as the fakes keep them.
UNIT = -m "unit and not slow" $(addprefix tests/,domain app cli contracts registry/domain registry/app registry/database)

test-unit: $(VENV)/.installed-dev ## The tests that need no real part: half a minute
	@$(BIN)/pytest $(UNIT)

watch: $(VENV)/.installed-dev ## The unit tests, now and again after each save
	@$(BIN)/watchfiles --filter python '$(BIN)/pytest $(UNIT)' src tests

test-all: $(VENV)/.installed-dev $(EXAMPLES)/.installed ## All tests
	@$(BIN)/pytest -m "slow or not slow" --hypothesis-profile=thorough

# Each benchmark says first how long it takes and what it needs; ARGS=--help says only that.
ARGS ?=

bench: $(VENV)/.installed-dev ## Benchmarks of the client and the library (1 minute)
	@$(BIN)/python -m benchmarks.client $(ARGS)

bench-registry: $(VENV)/.installed-dev ## Benchmarks of the registry on SQLite and PostgreSQL (6 minutes, writes 6 GB)
	@$(BIN)/python -m benchmarks.registry $(ARGS)

bench-copying: $(VENV)/.installed-dev ## Benchmarks of copying, against aws-cli (4 minutes, writes 6 GB)
	@$(BIN)/python -m benchmarks.copying $(ARGS)

# Always from a clean copy: mutmut alone keeps the results of tests that have changed since. To go on with a run that was
# interrupted: .venv/bin/mutmut run. MUTMUT_FLAGS='--max-children 1' keeps the other cores free.
MODULE       ?=
MUTMUT_FLAGS ?=
mutate: $(VENV)/.installed-dev ## Mutation testing of domain/ and app/, or of MODULE=stardag.domain.names
	@test -z '$(MODULE)' || ls -d src/$(subst .,/,$(MODULE))/ src/$(subst .,/,$(MODULE)).py 2>/dev/null | grep -q . || { \
	    echo "Module not found: '$(MODULE)': name one with make mutate MODULE=stardag.domain.names" >&2; exit 1; }
	@echo "Everything takes 30 to 60 minutes on two cores; one module takes 3 minutes or more. Progress shows:"
	@echo "🎉 killed  🫥 no tests  ⏰ timeout  🤔 suspicious  🙁 survived  🔇 skipped  🧙 caught by mypy"
	@rm -rf mutants
	@$(BIN)/mutmut run $(MUTMUT_FLAGS) $(if $(MODULE),'$(MODULE).*')
	@echo && echo "Not killed (show one: $(BIN)/mutmut show NAME):"
	@$(BIN)/mutmut results | grep -E ': (survived|no tests|timeout|suspicious|segfault)$$' || echo "    none"
	@echo && echo "Summary:"
	@$(BIN)/mutmut results --all=1 | awk -F '[.:] *' '{ sub(/^ */, "") } $$NF != "not checked" { n[$$1 "." $$2 "  " $$NF]++ } \
	    END { for (each in n) printf "%8d  %s\n", n[each], each }' | sort -k 2

# The one target that needs more: uv, which sees every platform at once. The development lock comes first and holds the
# other to the same versions, so what is run is what was tested. UV_FLAGS=--upgrade takes the newest of everything,
# UV_FLAGS='--upgrade-package NAME' of one; without either, only what pyproject.toml asks for changes.
UV       ?= uv
UV_FLAGS ?=
COMPILE   = $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
            --no-annotate --custom-compile-command "make lock" $(UV_FLAGS) pyproject.toml

lock: ## Write the requirements*.lock files anew from pyproject.toml (needs uv)
	@command -v $(UV) >/dev/null || { echo "make lock needs uv: pip install uv, or make lock UV=/path/to/uv" >&2; exit 1; }
	@$(COMPILE) --extra registry --group dev --output-file requirements-dev.lock
	@$(COMPILE) --extra registry --group build --constraints requirements-dev.lock --output-file requirements.lock
	@$(COMPILE) --group examples --output-file requirements-examples.lock

clean: ## Remove .venv and what the tools left behind
	@rm -rf $(VENV) $(EXAMPLES) build dist .coverage* .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache mutants
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/pyvenv.cfg:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	    echo "Python 3.11 or newer is needed, and '$(PYTHON)' is not: name one with make PYTHON=python3.11" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) >/dev/null 2>&1 || { rm -rf $(VENV); \
	    echo "'$(PYTHON) -m venv $(VENV)' failed: on Debian and Ubuntu, install python3-venv first" >&2; exit 1; }

# The locks are complete, so there is nothing to resolve (--no-deps). All byte code is made here, quietly: where the
# environment forbids Python to write any, every command would compile all that it imports, and tests turn the warnings
# of somebody else's modules into errors.
COMPILE_ALL = $(BIN)/python -W ignore -m compileall -qq -j 0
$(VENV)/.installed: requirements.lock pyproject.toml | $(VENV)/pyvenv.cfg
	@echo "Installing the locked packages into $(VENV) (once, about half a minute)…"
	@$(PIP) install --no-deps --no-compile --require-hashes -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation -e .
	@$(COMPILE_ALL) $(VENV)/lib src || true
	@touch $@

$(VENV)/.installed-dev: requirements-dev.lock $(VENV)/.installed
	@echo "Installing the locked development tools into $(VENV) (once, about half a minute)…"
	@$(PIP) install --no-deps --no-compile --require-hashes -r requirements-dev.lock
	@$(COMPILE_ALL) $(VENV)/lib || true
	@touch $@

$(EXAMPLES)/.installed: requirements-examples.lock pyproject.toml | $(VENV)/pyvenv.cfg
	@echo "Installing Prefect and Dask for the examples into $(EXAMPLES) (once, about half a minute)…"
	@rm -rf $(EXAMPLES) && $(BIN)/python -m venv $(EXAMPLES)
	@$(EXAMPLES)/bin/python -m pip --disable-pip-version-check -qq install --no-deps --require-hashes -r requirements-examples.lock
	@$(EXAMPLES)/bin/python -m pip --disable-pip-version-check -qq install --no-deps --no-build-isolation -e .
	@touch $@
