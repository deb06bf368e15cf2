# The two commands of the README are `make quickstart` and `make test`.
VENV ?= .venv
BIN := $(VENV)/bin
OUT ?= out/quickstart

.PHONY: quickstart test check bench docs embedded-model install-dev

quickstart:  ## Install, then the whole loop on the embedded model: data, filter, tuning, scores, report
	@VENV=$(VENV) scripts/install text,train
	@$(BIN)/didact quickstart --out $(OUT)

install-dev:
	@VENV=$(VENV) scripts/install text,train,web,scale,dev

test: install-dev  ## Every test that this machine can run
	-@scripts/axe
	$(BIN)/python -m pytest -n 2 --dist worksteal

check: install-dev  ## Lint, format, types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright

bench: install-dev  ## Every measurement, side by side with its peers
	$(BIN)/python benchmarks/novelty.py
	$(BIN)/python benchmarks/generation.py
	$(BIN)/python benchmarks/sft.py
	$(BIN)/python benchmarks/learning.py
	$(BIN)/python benchmarks/kills.py

docs: install-dev  ## The pages that are generated
	$(BIN)/python scripts/docs.py

embedded-model: install-dev  ## Pre-train the embedded model again (an hour or two on two cores)
	$(BIN)/python microworld/tasks.py
	$(BIN)/python microworld/pretrain.py --out microworld/out
	$(BIN)/python microworld/package.py microworld/out
