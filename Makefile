# Every target sets up .venv by itself (Python 3.11 or newer, no root needed); a second run starts at once.
# The first that really runs: a shim of a version manager may stand in the path and not.
PYTHON ?= $(shell for name in python3.11 python3.12 python3.13 python3; do \
  $$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$name; break; }; done)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready

.PHONY: demo test test-postgresql lint audit sbom bench soak score docs requirements lock clean

$(STAMP): pyproject.toml requirements.lock
	@test -n "$(PYTHON)" || { echo "duesync needs Python 3.11 or newer; found $$(python3 --version 2>&1)"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { echo "the venv module is missing: install python3-venv"; exit 1; }
	@echo "setting up $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: $(STAMP)   ## an MSP's 45 days on a fast clock, against sandboxes on loopback
	@$(BIN)/duesync demo

test: $(STAMP)   ## the whole suite
	@$(BIN)/python -m pytest -n auto --dist loadgroup

test-postgresql: $(STAMP)   ## the whole suite with every store on a PostgreSQL of its own (the machine's binaries); PART="tests/..." some of it
	@DUESYNC_TEST_STORE=postgresql $(BIN)/python -m pytest -n auto --dist loadgroup $(PART)

lint: $(STAMP)   ## style, types, import rules, known vulnerabilities
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m tests.supply audit

audit: $(STAMP)  ## is a locked part known to be vulnerable? (also at the end of lint)
	@$(BIN)/python -m tests.supply audit

sbom: $(STAMP)   ## what duesync is made of, as CycloneDX JSON in dist/
	@$(BIN)/python -m tests.supply sbom dist/duesync.cdx.json

bench: $(STAMP)  ## figures as ratios against a floor measured in the same run
	@$(BIN)/python -m tests.benchmarks

soak: $(STAMP)   ## long simulations
	@$(BIN)/python -m tests.soak

score: $(STAMP)  ## accuracy of matching and reconciling on the labelled corpus, into docs/accuracy.md
	@$(BIN)/python -m tests.corpus

docs: $(STAMP)   ## what is generated: config.example.toml, docs/events.md, docs/requirements.md
	@$(BIN)/python -m tests.generated

requirements: $(STAMP)   ## run everything and write which requirement is proven by which test
	@$(BIN)/python -m pytest -n auto --dist loadgroup --write-requirements=docs/requirements.md

lock:            ## resolve again: versions and hashes only
	@$(PYTHON) -m venv $(VENV)-lock && $(VENV)-lock/bin/pip install --quiet uv
	@$(VENV)-lock/bin/uv pip compile --quiet --universal --python-version 3.11 --all-extras --generate-hashes --no-header \
	  --no-annotate --no-emit-index-url --no-emit-find-links -o requirements.lock pyproject.toml
	@rm -rf $(VENV)-lock

clean:
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
