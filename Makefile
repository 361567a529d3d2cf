# What one can ask of this checkout. `make` alone lists it. Settings: docs/reference/settings.md.

SHELL   := /bin/sh
PYTHON  ?= $(shell command -v python3.11 || command -v python3)
VENV    ?= .venv
RUN     := $(VENV)/bin/python
PACKAGES := esap accounts query rucio_app ida batch dirac_app
# Nothing here asks the system's Python for more than its standard library.
PIP     := $(RUN) -m pip install -qq --disable-pip-version-check --require-hashes
UV      := uv==0.13.9
COMPILE := pip compile --quiet --universal --no-strip-extras --python-version 3.11 --generate-hashes \
           --no-emit-index-url --custom-compile-command "make pins" $(if $(UPGRADE),--upgrade)

.DEFAULT_GOAL := help
.PHONY: help run account token lake test peers lint format bench docs reference pins clean

help:  ## list what can be asked
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(VENV)/runs  ## the whole gateway on this machine, at http://localhost:8000; Ctrl-C stops it
	@$(RUN) -m esap.serve

account: $(VENV)/runs  ## an account of this machine's own, to log in with where no provider is configured
	@$(RUN) manage.py createsuperuser

token: $(VENV)/runs  ## an API token for scripts on this machine: export ESAP_TOKEN=$(make -s token)
	@ESAP_LOG_LEVEL=$${ESAP_LOG_LEVEL:-WARNING} $(RUN) manage.py api_token "$${USER:-me}"

lake: $(VENV)/runs  ## a Rucio to try data lakes with, where `make peers` has been; ESAP_PEERS=var/lake make run
	@$(RUN) -m tests.support.sample_lake var/lake

# More than there are cores, because much of a test is waiting.
WORKERS ?= 3
test: $(VENV)/develops  ## all tests, ending with the real peers that took part; T= chooses some
	$(RUN) -m pytest -n $(WORKERS) $(T)

peers: $(VENV)/develops  ## as root on Debian: install and prepare the real peers of the tests
	$(RUN) -m tests.support.peers install all
	$(RUN) -m tests.support.peers prepare all

lint: $(VENV)/develops  ## every check that needs no running gateway
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy $(PACKAGES)
	$(VENV)/bin/lint-imports
	$(VENV)/bin/codespell .
	$(RUN) manage.py check --settings esap.settings.test --fail-level WARNING
	$(RUN) manage.py makemigrations --settings esap.settings.test --check --dry-run
	@mkdir -p var
	$(RUN) manage.py spectacular --settings esap.settings.test --validate --fail-on-warn \
	    --file var/openapi.yaml
	@diff -u docs/reference/openapi.yaml var/openapi.yaml \
	    || { echo "The API's document has changed: run 'make reference' and commit it."; exit 1; }

format: $(VENV)/develops  ## put the code into its form
	$(RUN) -m ruff check --fix .
	$(RUN) -m ruff format .

reference: $(VENV)/develops  ## write anew the pages of docs/reference that follow from the code
	$(RUN) manage.py write_reference --settings esap.settings.test

BENCHMARKS ?= $(filter-out __init__ support page listening,$(basename $(notdir $(wildcard benchmarks/*.py))))
bench: $(VENV)/develops  ## every figure we claim, measured here (minutes)
	@set -e; for script in $(BENCHMARKS); do echo "== $$script"; $(RUN) -m benchmarks.$$script; done
	@$(RUN) -m benchmarks.page

docs: $(VENV)/develops  ## the documentation, in docs/_build/html
	$(RUN) -m sphinx -W -n --keep-going -q -b html docs docs/_build/html
	@echo "Open docs/_build/html/index.html"

pins: var/pins  ## compile requirements*.in into exact versions with hashes; UPGRADE=1 moves them
	var/pins/bin/uv $(COMPILE) requirements.in -o requirements.txt
	var/pins/bin/uv $(COMPILE) requirements-s3.in -o requirements-s3.txt
	var/pins/bin/uv $(COMPILE) requirements-dev.in -o requirements-dev.txt

clean:  ## remove what was built here; not var/, where the gateway's data are
	rm -rf $(VENV) var/pins docs/_build .mypy_cache .ruff_cache .pytest_cache .hypothesis \
	    .import_linter_cache .coverage htmlcov
	find . -name __pycache__ -prune -exec rm -rf {} +

$(VENV)/made:
	@test -n "$(PYTHON)" && $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	    || { echo "Python 3.11 or newer is needed: install it, or name it: make PYTHON=/path/to/python3.11"; exit 1; }
	@echo "Making a virtual environment in $(VENV) ..."
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/runs: requirements.txt $(VENV)/made
	@echo "Installing what the gateway runs on (once; about half a minute) ..."
	@$(PIP) -r requirements.txt
	@touch $@

$(VENV)/develops: requirements-dev.txt $(VENV)/made
	@echo "Installing what the gateway and its checks run on (once; about a minute) ..."
	@$(PIP) -r requirements-dev.txt
	@touch $@ $(VENV)/runs

var/pins:
	$(PYTHON) -m venv var/pins
	var/pins/bin/pip install -qq $(UV)
