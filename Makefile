# make run    sandbox on http://127.0.0.1:5000, in the foreground
# make serve  as in production (PORT, WORKERS, THREADS, PROFILE, LM_CDS_SIGN_OFF_FILE, LM_CDS_CONFIG_FILE)
# make test   all tests that need Python alone;  make lint  all static checks
# make test-postgres, test-nginx, test-renderers, test-browser, test-hapi  those that need more, and install it
# make hapi   a HAPI FHIR server (HAPI_PORT);  make fixtures  the test patients into a server (FHIR)
# make lock   renew the lock files;  make screenshots  renew those of the documents
# make reader-comparison  docs/reading.md: the text rules beside ConText on labelled sentences
# make mutate  docs/mutation.md: single faults in hooks/, each noticed by a test? (SAMPLE, SEED)
# make fuzz   coverage-guided fuzzing of both services and feedback (SECONDS, SEED)
# make drill  docs/drill.md: faults, attacks and load on the running service (PARTS)
# make audit  docs/audit.md: known faults in dependencies, SBOM, static analysis (SERVICE)
# make bench  docs/performance.md: the service beside an empty Flask view (PARTS)

SHELL := /bin/bash
HOST ?= 127.0.0.1
PORT ?= 5000
WORKERS ?= 1
THREADS ?= 96
PROFILE ?= production
HAPI_PORT ?= 8931
SAMPLE ?= 320
SEED ?= 1
SERVICE ?= pypi
FHIR ?= http://127.0.0.1:$(HAPI_PORT)/fhir
SECONDS ?= 600
BIN := .venv/bin
PIP := $(BIN)/pip --disable-pip-version-check install --quiet
GUNICORN = exec $(BIN)/gunicorn --config cds_service/gunicorn_conf.py --bind $(HOST):$(PORT)
COMPILE := $(BIN)/pip-compile --quiet --generate-hashes --no-emit-index-url --no-emit-find-links \
	--strip-extras --allow-unsafe --all-build-deps

.PHONY: run serve test test-browser test-renderers renderers test-postgres test-nginx test-hapi hapi fixtures screenshots lint bench reader-comparison mutate fuzz drill audit lock clean

run: .venv/.run
	LM_CDS_PROFILE=sandbox $(GUNICORN) --threads $(THREADS)

serve: .venv/.run
	LM_CDS_PROFILE=$(PROFILE) $(GUNICORN) --workers $(WORKERS) --threads $(THREADS)

test: .venv/.dev
	$(BIN)/pytest -m "not browser and not hapi" --ignore=tests/renderers --ignore=tests/postgres --ignore=tests/nginx --cov=hooks --cov-branch --cov-report=term-missing:skip-covered --cov-fail-under=100

test-browser: .venv/.dev renderers
	$(BIN)/python -m tests.debian chromium
	$(BIN)/pytest -m browser tests/browser

test-renderers: .venv/.dev renderers
	$(BIN)/pytest tests/renderers

# Without npm the tests that need the renderers say so.
renderers: .venv/.dev
	$(BIN)/python -m tests.debian npm
	if command -v npm >/dev/null; then npm ci --ignore-scripts --no-audit --no-fund --prefix tests/renderers; fi

test-postgres: .venv/.dev
	$(BIN)/python -m tests.postgres.run

test-nginx: .venv/.dev
	$(BIN)/python -m tests.debian nginx openssl
	$(BIN)/pytest tests/nginx

test-hapi: .venv/.dev
	$(BIN)/python -m tests.hapi.run

hapi: .venv/.dev
	$(BIN)/python -m tests.hapi.server --port $(HAPI_PORT)

fixtures: .venv/.run
	$(BIN)/python -m cds_service.load_fixtures $(FHIR)

screenshots: .venv/.dev
	SCREENSHOTS=docs $(BIN)/pytest tests/browser -k screenshots

lint: .venv/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/.dev
	$(BIN)/python -m tests.debian wrk
	$(BIN)/python -m benchmarks.run $(PARTS)

reader-comparison: .venv/.dev .venv/.reader
	set -o pipefail; $(BIN)/python -m tests.reader.comparison ask sentences \
		| PYTHONPATH=. .venv/reader/bin/python tests/reader/context.py \
		| $(BIN)/python -m tests.reader.comparison record context
	$(BIN)/python -m tests.reader.tables --write

mutate: .venv/.dev
	$(BIN)/python -m tests.mutation.run knowledge
	$(BIN)/python -m tests.mutation.run python --sample $(SAMPLE) --seed $(SEED)
	$(BIN)/python -m tests.mutation.report --sample $(SAMPLE) --seed $(SEED)

fuzz: .venv/.fuzz
	@FUZZ_SECONDS=$(SECONDS) SEED=$(SEED) PYTHONPATH=. .venv/fuzz/bin/python -m tests.fuzz

drill: .venv/.dev
	$(BIN)/python -m tests.drill.run $(PARTS)

audit: .venv/.dev .venv/.audit
	$(BIN)/python -m tests.audit.run --service $(SERVICE)

lock: .venv/.dev
	$(PIP) pip-tools
	$(COMPILE) $(LOCK_OPTIONS) --output-file requirements.lock pyproject.toml
	$(COMPILE) $(LOCK_OPTIONS) --extra postgres --output-file requirements-postgres.lock pyproject.toml
	$(COMPILE) $(LOCK_OPTIONS) --extra dev --output-file requirements-dev.lock pyproject.toml
	$(COMPILE) $(LOCK_OPTIONS) --extra fuzz --output-file requirements-fuzz.lock pyproject.toml
	$(filter-out --all-build-deps,$(COMPILE)) $(LOCK_OPTIONS) --extra reader --output-file requirements-reader.lock pyproject.toml
	$(filter-out --all-build-deps --strip-extras,$(COMPILE)) $(LOCK_OPTIONS) --output-file requirements-audit.lock requirements-audit.in

# Instrumented code needs a fuzzer that not every Python has a wheel for.
.venv/.fuzz: .venv/.created requirements-fuzz.lock
	$(BIN)/python -m venv --clear .venv/fuzz
	.venv/fuzz/bin/pip --disable-pip-version-check install --quiet --require-hashes -r requirements-fuzz.lock
	@touch $@

clean:
	rm -rf .venv

# A command of that name may exist and still not run (version managers leave such shims).
.venv/.created:
	@for python in python3.11 python3.12 python3.13 python3; do \
		if "$$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' \
			>/dev/null 2>&1; then \
			echo "Using $$("$$python" --version) for .venv"; \
			"$$python" -m venv --clear .venv && touch $@ && exit 0; \
			exit 1; \
		fi; \
	done; \
	echo "No working Python 3.11, 3.12 or 3.13 was found." >&2; exit 1

.venv/.run: .venv/.created requirements.lock pyproject.toml
	$(PIP) --require-hashes -r requirements.lock
	$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

.venv/.dev: .venv/.run requirements-dev.lock
	$(PIP) --require-hashes -r requirements-dev.lock
	@touch $@

# medspaCy brings a package named `tests`, so it has an environment of its own.
.venv/.reader: .venv/.created requirements-reader.lock
	$(BIN)/python -m venv --clear .venv/reader
	.venv/reader/bin/pip --disable-pip-version-check install --quiet --require-hashes -r requirements-reader.lock
	@touch $@

# The tools of the audit pin what the product pins too, in other versions.
.venv/.audit: .venv/.created requirements-audit.lock
	$(BIN)/python -m venv --clear .venv/audit
	.venv/audit/bin/pip --disable-pip-version-check install --quiet --require-hashes -r requirements-audit.lock
	@touch $@
