# Every target sets up what it needs by itself and may be run again at any time.
# Needs: Linux, make, a C++20 compiler, and a Python >= 3.11 with venv and headers. The rest comes from PyPI.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

VENV ?= .venv
PYTHON ?= $(shell sh tools/find_python.sh)
BIN := $(VENV)/bin
STAMP := $(VENV)/.stamps
WHEELS := build/wheels
export CMAKE_BUILD_PARALLEL_LEVEL ?= 2
# A compiler cache is used where there is one and never asked for.
export CMAKE_CXX_COMPILER_LAUNCHER ?= $(shell command -v ccache)

PIP := $(BIN)/python -m pip --disable-pip-version-check
PACKAGE_SOURCES := $(shell find src python adapters cmake -type f -not -name '*.pyc' -not -name '*.so' 2>/dev/null) \
                   CMakeLists.txt pyproject.toml README.md LICENSE
CXX_SOURCES := $(shell find src tests -name '*.cpp' -o -name '*.h')
# Rooms that drive the core only through what the others cover already, and files that build things of their own.
NOT_CORE := package cli adapters deploy arena broken control deploy server store study testing
CORE_TESTS ?= tests $(NOT_CORE:%=--ignore=tests/%) --ignore=tests/native/test_examples.py --ignore=tests/native/test_abi.py
PYTEST_ARGS ?=

.PHONY: help
help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

# --- environment ------------------------------------------------------------------------------------------

$(STAMP)/venv:
	@test -n "$(PYTHON)" || { sh tools/find_python.sh --explain; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) install -q -U 'pip>=25.1'
	mkdir -p $(STAMP) && touch $@

# The tools of pyproject's dependency groups; CMake and Ninja only where the machine has none.
$(STAMP)/tools: pyproject.toml $(STAMP)/venv
	$(PIP) install -q --group build --group dev --group server \
	  $$(command -v cmake >/dev/null || echo cmake) $$(command -v ninja >/dev/null || echo ninja)
	touch $@

$(STAMP)/docs-tools: pyproject.toml $(STAMP)/venv
	$(PIP) install -q --group docs
	touch $@

# --- the package ------------------------------------------------------------------------------------------

$(STAMP)/wheel: $(PACKAGE_SOURCES) $(STAMP)/tools
	rm -rf $(WHEELS) && mkdir -p $(WHEELS)
	PATH="$(abspath $(BIN)):$$PATH" $(PIP) wheel -q --no-deps --no-build-isolation -w $(WHEELS) .
	touch $@

# Installed as a user would: from the wheel, with the extras that the tests and the demo need.
$(STAMP)/installed: $(STAMP)/wheel
	$(PIP) install -q --force-reinstall --no-deps $(WHEELS)/hal_core-*.whl
	$(PIP) install -q "$$(echo $(WHEELS)/hal_core-*.whl)[control,kubernetes,ml,nomad,parquet,ray,replay,reserve,server,store,testing,tracing]"
	touch $@

.PHONY: wheel install sdist
wheel: $(STAMP)/wheel  ## build the wheel into build/wheels
	@ls -l $(WHEELS)/*.whl
install: $(STAMP)/installed  ## install the wheel into .venv

# What a stranger gets: sdist, then a wheel from it in an isolated build environment, then an import.
sdist: $(STAMP)/tools  ## build the source archive, a wheel from it in isolation, and import that
	rm -rf build/sdist && mkdir -p build/sdist
	$(BIN)/python -m build -q --sdist --outdir build/sdist .
	$(PIP) wheel -q --no-deps -w build/sdist build/sdist/hal_core-*.tar.gz
	$(BIN)/python -m venv --clear build/sdist/venv
	build/sdist/venv/bin/python -m pip --disable-pip-version-check install -q build/sdist/hal_core-*.whl
	cd build/sdist && venv/bin/python -c "import hal; print('imported', hal.__file__.rpartition('/lib/')[2])"

# --- use --------------------------------------------------------------------------------------------------

.PHONY: demo test test-slow servers bench examples
demo: $(STAMP)/installed  ## place 10,000 jobs on a 1,213-node GPU cluster with three policies and compare them
	mkdir -p build
	$(BIN)/hal demo --plot build/demo.png

test: $(STAMP)/installed  ## run the fast tests against the installed wheel
	$(BIN)/pytest -m "not slow and not server" $(PYTEST_ARGS)

test-slow: $(STAMP)/installed  ## run the slow tests against the installed wheel
	$(BIN)/pytest -m "slow and not server" $(PYTEST_ARGS)

servers: $(STAMP)/installed  ## install real servers (Debian's packages) and run the adapters' tests against them
	bash tools/servers.sh
	$(BIN)/pytest -m server $(PYTEST_ARGS)

bench: $(STAMP)/installed  ## run the benchmarks; the figures go to build/bench.json
	mkdir -p build
	$(BIN)/pytest bench --benchmark-only --benchmark-json=build/bench.json $(PYTEST_ARGS)

examples: $(STAMP)/installed  ## run the scripts of docs/examples
	for example in docs/examples/*.py; do echo "== $$example"; $(BIN)/python -W error "$$example"; done

# --- linters ----------------------------------------------------------------------------------------------

.PHONY: lint lint-style lint-types lint-imports lint-stubs library format stubs tree
lint: lint-style library lint-types lint-imports lint-stubs  ## every linter (make -k lint: go on after a failure)

lint-style: $(STAMP)/tools
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/clang-format --dry-run -Werror $(CXX_SOURCES)

# The sources under the names they are imported by: adapters/ is hal.adapters.
tree: $(STAMP)/installed
	bash tools/package_tree.sh build/tree

lint-types: tree
	MYPYPATH=build/tree $(BIN)/mypy -p hal \
	  | sed -e 's,^build/tree/hal/adapters,adapters,; s,^build/tree/hal,python/hal,'

lint-imports: tree
	PYTHONPATH=build/tree:. $(BIN)/lint-imports --no-cache --no-logo

lint-stubs: $(STAMP)/installed
	$(BIN)/python tools/stubs.py --check

format: $(STAMP)/tools  ## rewrite the sources the way lint wants them
	$(BIN)/ruff check --fix --exit-zero .
	$(BIN)/ruff format .
	$(BIN)/clang-format -i $(CXX_SOURCES)

stubs: $(STAMP)/installed  ## regenerate python/hal/_core.pyi from the compiled module
	$(BIN)/python tools/stubs.py

library: $(STAMP)/tools  ## build and link the core alone, without Python
	@! grep -rnE '#include *[<"](nanobind|pybind11|Python\.h|pyconfig\.h)' src/halcore \
	  || { echo "src/halcore must not know Python (see ARCHITECTURE.md)"; exit 1; }
	PATH="$(abspath $(BIN)):$$PATH" && cmake --preset library && cmake --build --preset library
	build/library/halcore_alone

.PHONY: capi native-examples
capi: library $(STAMP)/installed  ## build libhal, check its ABI, run the C test, the schedulers in C and Go, C also under ASan
	bash tools/capi.sh $(BIN)

native-examples: $(STAMP)/installed  ## build and run the examples of native scorers against the installed wheel
	$(BIN)/pytest tests/native/test_examples.py $(PYTEST_ARGS)

# --- sanitizers and fuzzing -------------------------------------------------------------------------------

.PHONY: asan tsan fuzz
asan: $(STAMP)/installed  ## the core's tests under AddressSanitizer and UndefinedBehaviorSanitizer
	bash tools/sanitize.sh asan $(BIN) $(CORE_TESTS)

# What several threads do; the other tests have one.
THREAD_TESTS ?= tests/threads
tsan: $(STAMP)/installed  ## the tests of several threads under ThreadSanitizer
	bash tools/sanitize.sh tsan $(BIN) $(THREAD_TESTS)

FUZZ_SECONDS ?= 60
fuzz: $(STAMP)/installed  ## feed the loaders garbage for FUZZ_SECONDS
	$(PIP) install -q --group fuzz || echo "no atheris for this Python"
	bash tests/fuzz/run.sh $(BIN)/python $(FUZZ_SECONDS)

# --- documentation ----------------------------------------------------------------------------------------

.PHONY: docs
docs: $(STAMP)/installed $(STAMP)/docs-tools  ## build docs/_build/html and run its examples; warnings are errors
	$(BIN)/sphinx-build -q -W --keep-going -b html docs docs/_build/html
	$(BIN)/sphinx-build -q -W --keep-going -b doctest docs docs/_build/doctest

.PHONY: clean
clean:  ## remove everything that make has made
	rm -rf build docs/_build $(VENV)
