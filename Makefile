# Each target is one line that calls the real tool. uv is fetched into .tools if the machine has none.
export PATH := $(CURDIR)/.tools/bin:$(CURDIR)/.tools/Scripts:$(PATH)
ALL := --config pyproject.toml . # by this file, the template too: its own becomes TOML when it is rendered
PARALLEL := --numprocesses auto --dist loadfile
PYTHON ?= $(shell command -v python3 || command -v python)

.PHONY: demo test test-all lint docs bench uv

test: uv
	uv run --quiet pytest $(PARALLEL)

test-all: uv # every real table, arbitrary tables by the hundred, every domain with every framework: some hours
	CAPSTONE_ALL=1 uv run --quiet pytest $(PARALLEL)

demo: uv
	uv run --quiet python bench/demo.py

lint: uv
	uv run --quiet ruff check $(ALL) && uv run --quiet ruff format --check $(ALL) && uv run --quiet ty check

docs: uv # into site/
	uv run --quiet mkdocs build --strict

bench: uv
	uv run --quiet python bench/run.py

uv:
	@command -v uv > /dev/null || { $(PYTHON) -m venv .tools && { .tools/bin/python -m pip install --quiet uv || .tools/Scripts/python -m pip install --quiet uv; }; }
