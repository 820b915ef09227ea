# emofuse: `make demo` recognises the example clip, `make test` runs the tests. Each makes .venv first and
# installs what it lacks; a marker file for each set of extras (.venv/.ok-...) says what is there.

PYTHON ?= python3
VENV   ?= .venv
# What `make setup` installs beside the core: extras of pyproject.toml, joined by commas; empty for none.
EXTRAS ?= dev
# Where the corpora lie, for `make test-all`; the tests that need them are skipped without it.
EMOFUSE_DATA ?=

BIN   := $(VENV)/bin
comma := ,
ready  = $(VENV)/.ok-$(if $(strip $(1)),$(subst $(comma),-,$(strip $(1))),core)

export PIP_NO_INPUT := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_ROOT_USER_ACTION := ignore

# Two test workers would fight over the cores if each had threads of its own; no test may reach a network.
TEST_ENV := OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1 $(if $(EMOFUSE_DATA),EMOFUSE_DATA="$(abspath $(EMOFUSE_DATA))")
WORKERS  ?= 2

.PHONY: help setup demo test test-all lint bench lock clean
.NOTPARALLEL:

help:
	@echo "make demo       recognise the example clip with the default bundle; writes demo/report.html"
	@echo "make test       the tests (make test-all: slow and real-data ones too, EMOFUSE_DATA=folder)"
	@echo "make lint       ruff, mypy and the import law"
	@echo "make bench      the benchmarks"
	@echo "make setup      only install, EXTRAS=$(EXTRAS)"
	@echo "make lock       write constraints.txt anew (needs uv)"
	@echo "make clean      remove everything that was made, .venv too"

setup: $(call ready,$(EXTRAS))

demo: $(call ready,)
	$(BIN)/emofuse recognize demo/clip.mp4 --transcript demo/clip.srt --json demo/prediction.json --report demo/report.html
	@echo "wrote demo/report.html and demo/prediction.json"

test: $(call ready,dev)
	$(TEST_ENV) $(BIN)/python -m pytest -n $(WORKERS) -m "not slow and not real_data"

test-all: $(call ready,dev)
	$(TEST_ENV) $(BIN)/python -m pytest -n $(WORKERS)

lint: $(call ready,dev)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(call ready,)
	set -e; for script in benchmarks/*.py; do $(BIN)/python "$$script"; done

# The sed drops a local build tag, so that the pin holds on machines that take another build of torch.
lock:
	@command -v uv >/dev/null || { echo "make lock needs uv (https://docs.astral.sh/uv/)"; exit 1; }
	UV_FIND_LINKS="$${PIP_FIND_LINKS:-}" uv pip compile -q --python-version 3.11 --all-extras --no-annotate --no-header pyproject.toml -o .constraints.new
	sed 's/+cpu$$//' .constraints.new > constraints.txt
	rm -f .constraints.new

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	rm -f demo/report.html demo/prediction.json

$(VENV)/.ok-%: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install -c constraints.txt -e '.$(if $(filter core,$*),,[$(subst -,$(comma),$*)])'
	$(BIN)/python -m pip check
	@touch $@

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { echo "no $(PYTHON) found; emofuse needs Python 3.11 to 3.14 (make PYTHON=...)"; exit 1; }
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v < (3, 15) else "emofuse needs Python 3.11 to 3.14, $(PYTHON) is %d.%d; name another: make PYTHON=python3.12" % v)'
	$(PYTHON) -m venv $(VENV)
