# Every target installs what it needs into .venv; a fresh machine needs Python 3.11 (venv, pip) and make.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test test-slow chain softhsm arm lint bench chip core clean

$(VENV)/.sim: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[sim]"
	touch $@

$(VENV)/.dev: pyproject.toml $(VENV)/.sim
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[sim,dev,flash,hsm]"
	touch $@

$(VENV)/.chip: pyproject.toml $(VENV)/.dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[sim,dev,flash,hsm,chip]"
	touch $@

demo: $(VENV)/.sim
	$(BIN)/daric demo

test: lint
	$(BIN)/python -m pytest -n 2 -m "not slow"

test-slow: $(VENV)/.chip chain softhsm arm
	$(BIN)/python -m pytest -n 2 -m slow

# A local chain for the slow tests, by npm, which is installed as root where it is missing.
chain:
	tools/install_chain.sh

# A PKCS#11 token in software for the slow tests, by apt as root where it is missing.
softhsm:
	tools/install_softhsm.sh

# A compiler for the Cortex-M0+, by apt as root where it is missing.
arm:
	tools/install_arm.sh

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: $(VENV)/.dev
	$(BIN)/python tools/bench.py

# The firmware's party on an emulated Pico, with a stock MicroPython that the caller has: make chip UF2=path
UF2 ?=
chip: $(if $(UF2),$(VENV)/.chip)
ifeq ($(UF2),)
	@echo "chip: skipped, nothing was emulated: it takes a MicroPython for the Pico, make chip UF2=path"
	@echo "chip: without one, make core measures the same party on MicroPython's core"
else
	$(BIN)/python -m pytest -q tests/chip/test_pico.py
	$(BIN)/python -m tools.chip "$(UF2)"
endif

# The same party on MicroPython's own core for Cortex-M0+, emulated: make core CORE="--profile 2-of-2"
CORE ?=
core: $(VENV)/.dev arm
	$(BIN)/python -m tools.chip.core $(CORE)

clean:
	rm -rf $(VENV) .build .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info
	find . -name __pycache__ -prune -exec rm -rf {} +
