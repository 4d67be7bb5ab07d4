# Two commands do everything: `make demo` and `make test`. `make help` lists the rest.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
WEB := cloud/web
WEB_SOURCES := $(shell find $(WEB)/src $(WEB)/public -type f 2>/dev/null) $(WEB)/index.html $(WEB)/vite.config.ts $(WEB)/package.json \
	$(wildcard $(WEB)/scripts/*.mjs)

.DEFAULT_GOAL := help
.PHONY: help client demo test test-slow access-table fuzz-api test-bluetooth check web-check lock clean

help:  ## what can be made here
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: $(VENV)/.runtime $(WEB)/dist/index.html  ## a small home with a fall at the desk, Ctrl-C stops it
	$(BIN)/yuyue demo

test: $(VENV)/.dev $(WEB)/dist/index.html check web-check  ## every check CI runs
	tests/support/system_packages.sh
	tests/support/side_by_side.sh $(BIN)/python

test-slow: $(VENV)/.dev $(WEB)/dist/index.html  ## the long tests: run them before calling work done
	tests/support/system_packages.sh
	$(BIN)/python -m pytest -m slow

fuzz-api: $(VENV)/.dev  ## 20 minutes of schemathesis as every kind of user: no call may answer 5xx
	YUYUE_FUZZ_S=$${YUYUE_FUZZ_S:-1200} $(BIN)/python -m pytest -m slow -s tests/fuzz

access-table: $(VENV)/.dev  ## docs/routes-by-role.md anew, from the application
	$(BIN)/python -m tests.cloud.access > docs/routes-by-role.md

test-bluetooth: $(VENV)/.dev  ## the Bluetooth journey with a real kernel and bluetoothd, in a virtual machine (Debian, root)
	tests/bluetooth_vm/run

check: $(VENV)/.dev  ## style, types, import directions, compose file
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yml

web-check: $(WEB)/node_modules/.installed  ## the web's own checks
	cd $(WEB) && npm run --silent lint && npm run --silent typecheck && npm run --silent test

client: $(VENV)/.dev  ## the Python client of the API, into build/python-client
	mkdir -p build/python-client
	$(BIN)/yuyue cloud openapi > build/python-client/openapi.json
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/openapi-python-client generate --meta uv --overwrite --config packaging/python_client.yaml \
		--path build/python-client/openapi.json --output-path build/python-client/yuyue-client

lock:  ## renew the hashed locks after changing dependencies in pyproject.toml
	$(BIN)/uv pip compile -q --universal --generate-hashes --no-header --python-version 3.11 \
		--extra demo pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile -q --universal --generate-hashes --no-header --python-version 3.11 \
		--all-extras -c requirements.lock pyproject.toml -o requirements-dev.lock

clean:  ## remove what was built here (keeps var/, the demo's data)
	rm -rf $(VENV) $(WEB)/node_modules $(WEB)/dist build *.egg-info

$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed. Name one with: make PYTHON=python3.12 demo"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: requirements.lock pyproject.toml | $(BIN)/pip
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps -e .
	touch $@

$(VENV)/.dev: requirements-dev.lock pyproject.toml | $(BIN)/pip
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps -e .
	touch $@ $(VENV)/.runtime

$(WEB)/node_modules/.installed: $(WEB)/package-lock.json
	@node -e 'process.exit(Number(process.versions.node.split(".")[0]) < 20 ? 1 : 0)' || \
		{ echo "Node 20 or newer is needed to build the web pages."; exit 1; }
	cd $(WEB) && npm ci --no-audit --no-fund
	touch $@

$(WEB)/dist/index.html: $(WEB)/node_modules/.installed $(WEB_SOURCES)
	cd $(WEB) && npm run --silent build
