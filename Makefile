PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo run test check bench evidence format install install-dev clean

demo: install  ## Simulated market, offline: dashboard on http://127.0.0.1:8501, REST API on :8000
	$(BIN)/python -m app.cli demo

run: install  ## Live market data (Yahoo, no key needed)
	$(BIN)/python -m app.cli run

test: install-dev  ## All tests
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

check: install-dev  ## Format, lint, strict types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: install-dev  ## Speed, side by side with peers
	$(BIN)/python -m benchmarks

evidence: install-dev  ## Our figures against published and recorded ones: writes docs/evidence.md
	$(BIN)/python -m benchmarks.evidence

format: install-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

install: $(VENV)/.installed

install-dev: $(VENV)/.installed-dev

$(VENV)/.installed: requirements.txt
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check --quiet -r requirements.txt
	$(BIN)/python -m scanner.pricing.warm_up
	touch $@

$(VENV)/.installed-dev: requirements-dev.txt $(VENV)/.installed
	$(BIN)/python -m pip install --disable-pip-version-check --quiet -r requirements-dev.txt
	touch $@

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
