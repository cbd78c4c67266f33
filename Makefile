# Everything a newcomer runs. Plain `make` lists it.
#
# The product: target/release/muxspace and target/wasm32-wasip1/release/filter.wasm.

TARGET ?= $(CURDIR)/target
export CARGO_TARGET_DIR := $(TARGET)

ENVOY := $(CURDIR)/.envoy/bin/envoy
WASM := wasm32-wasip1
FILTER := $(TARGET)/$(WASM)/release/filter.wasm
FILTER_TRAP := $(TARGET)/test-trap/$(WASM)/release/filter.wasm
# Fat LTO and one codegen unit: they make the module smaller and faster, and cost nothing elsewhere.
WASM_PROFILE := CARGO_PROFILE_RELEASE_LTO=fat CARGO_PROFILE_RELEASE_CODEGEN_UNITS=1
SDK := $(TARGET)/tools/sdk
CARGO_FUZZ_VERSION := 0.13.2
# For each target of `make fuzz`; FUZZ names some of them, all by default.
FUZZ_SECONDS ?= 60
FUZZ ?=
WASM_BINDGEN_VERSION := $(shell grep -A 1 '^name = "wasm-bindgen"$$' Cargo.lock | sed -n 's/^version = "\(.*\)"/\1/p')

say = @echo "make: $(1)"
# `command || $(call hint,text)`: one line of advice, and the failure stands.
hint = { echo "make: failed. $(1)" >&2; exit 1; }

.PHONY: help
help: ## List what there is
	@grep -hE '^[a-z-]+:.*## ' $(firstword $(MAKEFILE_LIST)) | sed 's/:.*## /\t/' | while IFS="$$(printf '\t')" read -r name text; do \
		printf '  make %-12s %s\n' "$$name" "$$text"; done

.PHONY: envoy
envoy: ## Get Envoy into .envoy/bin, unless one on the PATH will do
	@./envoy/get-envoy.sh

.PHONY: targets
targets:
	@command -v cargo >/dev/null || $(call hint,Install Rust with rustup and run make again.)
	@test -d "$$(rustc --print sysroot)/lib/rustlib/$(WASM)/lib" || { \
		echo "make: adding Rust's $(WASM) target"; \
		rustup target add $(WASM) || $(call hint,Run: rustup target add $(WASM)); }

.PHONY: build
build: targets ## Build the muxspace binary and the filter
	$(call say,building the filter ($(WASM)))
	@$(WASM_PROFILE) cargo build --release --locked -p filter --target $(WASM) || $(call hint,The compiler's message above says why the filter does not build.)
	$(call say,building muxspace)
	@cargo build --release --locked -p muxspace || $(call hint,The compiler's message above says why; a C compiler is needed too (apt install build-essential).)
	$(call say,$(FILTER) has $$(wc -c <$(FILTER)) bytes)

.PHONY: run
run: envoy build ## Start the whole stack on 127.0.0.1:8989, with the API on 127.0.0.1:8990
	@MUXSPACE_ENVOY="$${MUXSPACE_ENVOY:-$(ENVOY)}" $(TARGET)/release/muxspace up

.PHONY: test
test: envoy build test-native test-wasm ## Build and pass every test, with a real Envoy

.PHONY: test-native
test-native:
	$(call say,building the filter that can be made to trap)
	@CARGO_TARGET_DIR=$(TARGET)/test-trap cargo build --release --locked -p filter --target $(WASM) --features test-trap || $(call hint,The compiler's message above says why.)
	@if python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null && { python3 -c 'import ensurepip' || python3 -m pip --version; } >/dev/null 2>&1; \
		then $(MAKE) --no-print-directory $(SDK)/ready; \
		else echo "make: no python3 of 3.10 or newer with venv or pip here: the tests with the official SDKs are skipped"; fi
	$(call say,running the tests)
	@if test -e $(SDK)/ready; then export MUXSPACE_SDK_PYTHON=$(SDK)/bin/python; fi; \
		MUXSPACE_BIN=$(TARGET)/release/muxspace MUXSPACE_FILTER=$(FILTER) MUXSPACE_FILTER_TRAP=$(FILTER_TRAP) \
		MUXSPACE_ENVOY="$${MUXSPACE_ENVOY:-$(ENVOY)}" cargo test --locked --workspace || $(call hint,Run the one that failed again: make test-native.)

# Made anew when what is pinned changes. Debian keeps what venv installs pip with in a package of its own (python3-venv).
$(SDK)/ready: tests/sdk/requirements.txt
	$(call say,installing the official SDKs into target/tools)
	@rm -rf $(SDK) && python3 -m venv $$(python3 -c 'import ensurepip' 2>/dev/null || echo --without-pip) $(SDK) || $(call hint,The message above says why there is no Python environment.)
	@if test -e $(SDK)/bin/pip; then pip="$(SDK)/bin/python -m pip"; else pip="python3 -m pip --python $(SDK)/bin/python"; fi; \
		$$pip install --quiet --disable-pip-version-check --requirement $< || $(call hint,Check the network and run make test again.)
	@touch $@

.PHONY: test-wasm
test-wasm:
	@if ! command -v node >/dev/null; then echo "make: no node here: the engine's tests as wasm are skipped"; else $(MAKE) --no-print-directory test-wasm-node; fi

.PHONY: test-wasm-node
test-wasm-node: $(TARGET)/tools/wasm-bindgen-$(WASM_BINDGEN_VERSION)
	@test -d "$$(rustc --print sysroot)/lib/rustlib/wasm32-unknown-unknown/lib" || rustup target add wasm32-unknown-unknown || $(call hint,Run: rustup target add wasm32-unknown-unknown)
	$(call say,running the engine's tests as wasm in node)
	@CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER=$(TARGET)/tools/bin/wasm-bindgen-test-runner cargo test --locked -p mux --lib --target wasm32-unknown-unknown || $(call hint,A test of the engine fails as wasm.)

$(TARGET)/tools/wasm-bindgen-$(WASM_BINDGEN_VERSION):
	$(call say,installing the wasm test runner $(WASM_BINDGEN_VERSION) into target/tools)
	@export CARGO_TARGET_DIR=$(TARGET)/tools/build; install="--quiet --root $(TARGET)/tools wasm-bindgen-cli --version $(WASM_BINDGEN_VERSION)"; \
		cargo install --locked $$install 2>/dev/null || cargo install $$install || $(call hint,Check the network and run make test again.)
	@rm -rf $(TARGET)/tools/build && touch $@

.PHONY: lint
lint: targets ## Check format, clippy (native and wasm), structure and licences
	$(call say,checking the format)
	@cargo fmt --all --check || $(call hint,Run: cargo fmt)
	$(call say,clippy)
	@cargo clippy --locked --workspace --all-targets -- -D warnings || $(call hint,Clippy's message above says what to change.)
	@cargo clippy --locked -p filter --target $(WASM) -- -D warnings || $(call hint,Clippy's message above says what to change in the filter.)
	$(call say,structure and licences)
	@cargo test --locked --quiet -p muxspace-tests --test tidy || $(call hint,The message above names the file and the rule.)

.PHONY: fuzz
fuzz: $(TARGET)/tools/cargo-fuzz-$(CARGO_FUZZ_VERSION) ## Fuzz the engine, FUZZ_SECONDS (60) for each target
	$(call say,building the fuzz targets)
	@tests/fuzz/run.sh $(TARGET)/tools/bin/cargo-fuzz $(TARGET) $(FUZZ_SECONDS) $(FUZZ) || $(call hint,A finding is in target/fuzz/artifacts; a C++ compiler is needed too (apt install build-essential).)

$(TARGET)/tools/cargo-fuzz-$(CARGO_FUZZ_VERSION):
	$(call say,installing cargo-fuzz $(CARGO_FUZZ_VERSION) into target/tools)
	@export CARGO_TARGET_DIR=$(TARGET)/tools/build-fuzz; \
		cargo install --locked --quiet --root $(TARGET)/tools cargo-fuzz --version $(CARGO_FUZZ_VERSION) || $(call hint,Check the network and run make fuzz again.)
	@rm -rf $(TARGET)/tools/build-fuzz && touch $@

.PHONY: bench
bench: envoy build ## Measure the speed table and write docs/benchmarks.md
	@MUXSPACE_BIN=$(TARGET)/release/muxspace MUXSPACE_FILTER=$(FILTER) MUXSPACE_ENVOY="$${MUXSPACE_ENVOY:-$(ENVOY)}" \
		cargo run --release --locked -p muxspace-tests --bin bench || $(call hint,Stop what else runs on this machine and try again.)

.PHONY: clients
clients: envoy build ## Let real coding clients do a task through a real Envoy (ONLY="codex cline": these)
	@MUXSPACE_BIN=$(TARGET)/release/muxspace MUXSPACE_FILTER=$(FILTER) MUXSPACE_ENVOY="$${MUXSPACE_ENVOY:-$(ENVOY)}" \
		cargo run --release --locked -p muxspace-tests --bin clients -- $(ONLY) || $(call hint,The lines above say which client failed and where its files are; docs/clients.md explains the table.)

.PHONY: clean
clean: ## Remove everything that was built or fetched
	@rm -rf $(TARGET) $(CURDIR)/.envoy
