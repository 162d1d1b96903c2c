# The two commands that need nothing set up before: `make demo` and `make test`.
# Debian 12 with Python 3.11, git and make is enough; each step says what it does and what it took.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PACK := dist/smollm2-135m-instruct
CHECKED := builder runtime tests

.PHONY: demo test test-windows test-arm64 check fast fuzz bench pictures wheels lock clean \
  release-image release-wheels

demo: $(VENV)/.base
	@$(BIN)/python tests/demo_model.py build/demo-model
	@mkdir -p dist
	@$(BIN)/llamapack build "$$(cat build/demo-model)" -o $(PACK) --name "SmolLM2 135M"
	@echo "Starting $(PACK); press Ctrl-C to stop it."
	@exec $(PACK)

test: check $(VENV)/.dev
	@sh tests/require.sh chromium chromium
	@fc-list :lang=zh | grep -q . || sh tests/require.sh --package fonts-wqy-microhei
	@sh tests/require.sh unzip unzip
	@sh tests/require.sh strace strace
	@sh tests/require.sh shellcheck shellcheck
	@sh tests/require.sh curl curl
	@sh tests/require.sh node nodejs
	@sh tests/require.sh npm npm
	@test -e /usr/share/vulkan/icd.d/lvp_icd.*.json || sh tests/require.sh --package mesa-vulkan-drivers
	@$(BIN)/python tests/real_things.py build/test.env
	@set -a; . build/test.env; set +a; $(BIN)/pytest -q $(PYTEST)

# A Windows pack, made here and started with Wine: 25 minutes the first time on a computer.
test-windows: $(VENV)/.tests
	@sh tests/require.sh Xvfb xvfb
	@test -e /usr/share/vulkan/icd.d/lvp_icd.*.json || sh tests/require.sh --package mesa-vulkan-drivers
	@mkdir -p build/windows
	@$(BIN)/llamapack runtime build --target windows-x86_64
	@$(BIN)/python tests/demo_model.py build/demo-model
	@$(BIN)/llamapack build "$$(cat build/demo-model)" --target windows-x86_64 -o build/windows/chat.exe \
	  --name "SmolLM2 135M"
	@LLAMAPACK_TEST_WINDOWS_PACK=$(CURDIR)/build/windows/chat.exe \
	  LLAMAPACK_TEST_MODEL="$$(cat build/demo-model)" $(BIN)/pytest -q tests/targets/test_windows*.py $(PYTEST)

# A pack for Linux on ARM, made here and started with qemu: some 10 minutes the first time on a
# computer, besides what all tests need.
test-arm64: $(VENV)/.dev
	@sh tests/require.sh qemu-aarch64-static qemu-user-static
	@mkdir -p build/arm64
	@$(BIN)/llamapack runtime build --target linux-aarch64
	@$(BIN)/python tests/demo_model.py build/demo-model
	@$(BIN)/llamapack build "$$(cat build/demo-model)" --target linux-aarch64 -o build/arm64/chat \
	  --name "SmolLM2 135M"
	@LLAMAPACK_TEST_ARM64_PACK=$(CURDIR)/build/arm64/chat $(BIN)/pytest -q -rs tests/targets/test_arm64.py $(PYTEST)

# The fast suite: no real model, no native library.
fast: check
	@$(BIN)/pytest -q -m "not slow" $(PYTEST)

# The fast suite's properties, with examples that were not tried before.
fuzz: $(VENV)/.dev
	@HYPOTHESIS_PROFILE=new $(BIN)/pytest -q -m "hypothesis and not slow" $(PYTEST)

check: $(VENV)/.dev
	@$(BIN)/ruff format --check $(CHECKED)
	@$(BIN)/ruff check $(CHECKED)
	@$(BIN)/mypy
	@$(BIN)/mypy --platform win32
	@$(BIN)/mypy --platform darwin

# Our pack beside llama-server. BENCH="--quick" takes minutes; BENCH="--rows single,stall" a part.
bench: $(VENV)/.dev
	@$(BIN)/python tests/real_things.py build/test.env
	@set -a; . build/test.env; set +a; $(BIN)/python tests/bench/launch.py \
	  && $(BIN)/python tests/bench/compare.py --json build/bench.json $(BENCH)

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "llamapack needs Python 3.11 or newer; set PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || sh tests/require.sh --package python3-venv
	@echo "Making the virtual environment $(VENV)"
	@$(PYTHON) -m venv $(VENV)

# What a packer needs: click, gguf, zstandard.
$(VENV)/.base: pyproject.toml | $(VENV)/bin/python
	@echo "Installing llamapack"
	@$(BIN)/pip install -q --disable-pip-version-check -e .
	@touch $@

# What tests of a finished pack need besides, and the checkers.
$(VENV)/.tests: pyproject.toml $(VENV)/.base
	@echo "Installing what the tests need"
	@$(BIN)/pip install -q --disable-pip-version-check -e '.[dev]'
	@touch $@

# And the others: the native wheel and the runtime's packages.
$(VENV)/.dev: pyproject.toml $(VENV)/.tests
	@wheel="$$($(BIN)/llamapack runtime wheel)" && echo "Installing the runtime's packages" \
	  && $(BIN)/pip install -q --disable-pip-version-check "$$wheel" \
	  && $(BIN)/pip install -q --disable-pip-version-check -e '.[runtime,dev]'
	@touch $@

# A wheel for every platform that there is a runtime image for, and one without an image.
wheels: $(VENV)/.base
	@mkdir -p dist/wheels
	@$(BIN)/llamapack runtime build > /dev/null
	@$(BIN)/python builder/make_wheels.py dist/wheels

# What a release has for one system, TARGET: its runtime image, and a pack to try it with. In a tar
# file, so that the pack stays executable wherever it is sent.
release-image: $(VENV)/.base
	@mkdir -p dist/images dist/packs
	@$(BIN)/llamapack runtime build --target $(TARGET) -o dist/images/$(TARGET).image
	@$(BIN)/python builder/release/complete.py $(TARGET)
	@$(BIN)/python tests/demo_model.py build/demo-model
	@rm -rf build/try && mkdir -p build/try
	@$(BIN)/llamapack build "$$(cat build/demo-model)" --target $(TARGET) -o build/try/chat \
	  --name "SmolLM2 135M"
	@COPYFILE_DISABLE=1 tar -C build/try -cf dist/packs/$(TARGET).tar .

# The wheels of a release and their sums, out of the images in dist/images, one for each target.
release-wheels: $(VENV)/.base
	@rm -rf dist/release && mkdir -p dist/release/wheels
	@for image in dist/images/*.image; do $(BIN)/llamapack runtime add "$$image" || exit 1; done
	@$(BIN)/python builder/release/complete.py
	@$(BIN)/python builder/make_wheels.py dist/release/wheels
	@$(BIN)/python builder/release/sums.py dist/release/wheels dist/release/SHA256SUMS

# The README's pictures, of a real answer: look at them before they are kept.
pictures: $(VENV)/.dev
	@sh tests/require.sh chromium chromium
	@$(BIN)/python tests/real_things.py build/test.env
	@set -a; . build/test.env; set +a; \
	  $(BIN)/python tests/e2e/pictures.py "$$LLAMAPACK_TEST_PACK" templates/pictures

# Renew the pinned versions and hashes of what compiles and freezes the runtime.
LOCKS := builder/llamapack/image/lock
lock: $(VENV)/.dev
	@$(BIN)/pip install -q --disable-pip-version-check uv
	@for name in tools freeze gemm cuda; do $(BIN)/uv pip compile -q --upgrade --generate-hashes --universal \
	  --python-version 3.11 --no-header --no-emit-index-url --no-emit-find-links \
	  $(LOCKS)/$$name.in -o $(LOCKS)/$$name.txt; done

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache
