# `make demo` and `make test` are all a newcomer needs; both create .venv first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO_OUT ?= motionary-demo

.PHONY: install demo test lint check format slow docs clean lowest audit audit-offline

install: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -c constraints.txt -e ".[test]"
	touch $@

demo: install
	$(BIN)/motionary demo --out $(DEMO_OUT)

test: install
	$(BIN)/python -m pytest

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

check: lint test

format: install
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

slow: install
	$(BIN)/python -m pytest -m slow

docs: install
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict
# The lowest versions that pyproject.toml allows, in an environment of their own; takes long, so by name.
lowest:
	$(PYTHON) -m venv .venv-lowest
	.venv-lowest/bin/python -m pip install --quiet -c constraints-lowest.txt -e ".[test]"
	.venv-lowest/bin/python -m pytest

# Known weaknesses of what is installed; asks the advisory service of PyPI.
audit: install
	$(BIN)/python -m pip install --quiet "pip-audit>=2.7"
	$(BIN)/pip-audit --skip-editable

# The same against a snapshot, where the service cannot be reached: make audit-offline DATABASE=db.json
audit-offline: install
	$(BIN)/python -m pip install --quiet "pip-audit>=2.7"
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python benchmarks/advisories.py $(DATABASE) --skip-editable

clean:
	rm -rf $(VENV)
