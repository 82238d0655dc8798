# lazycat. The two commands to know: `make run` shows a catalog, `make test` runs every test.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

CARGO ?= cargo
LAZYCAT := target/release/lazycat
# Where `make run` writes its catalog, and where it serves it.
CATALOG ?= demo
ADDR ?= 127.0.0.1:8000
# How long `make fuzz` stays with each target.
FUZZ_SECONDS ?= 60

.PHONY: help
help: ## What there is to make
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

.PHONY: build
build: ## The release binary, target/release/lazycat
	$(CARGO) build --release --locked --package lazycat-cli

.PHONY: catalog
catalog: build ## A catalog from the scenes in fixtures/scenes, in ./demo
	$(LAZYCAT) run fixtures/scenes --catalog $(CATALOG)

.PHONY: run
run: catalog ## The same, and serves it
	$(LAZYCAT) serve $(CATALOG) --addr $(ADDR)

.PHONY: test
test: lint unit judges ## Everything: set-up, style, documentation, licences, tests, the field's validators

.PHONY: setup
setup: ## The pinned tools of the tests, into .venv, node_modules and target/tools
	tests/judges/setup.sh
	tests/setup-cargo-deny.sh

.PHONY: lint
lint: setup ## Format, clippy, documentation and licences
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --locked -- --deny warnings
	RUSTDOCFLAGS="--deny warnings" $(CARGO) doc --workspace --no-deps --locked --quiet
	PATH="$(CURDIR)/target/tools/bin:$$PATH" cargo-deny --log-level error check licenses bans sources

.PHONY: unit
unit: setup ## The tests in Rust
	$(CARGO) test --workspace --locked

# How long `make soak` goes on, in seconds.
SOAK_SECONDS ?= 60

.PHONY: soak
soak: ## The use cases under fresh random schedules and faults, for SOAK_SECONDS
	SOAK_SECONDS=$(SOAK_SECONDS) $(CARGO) run --locked --quiet --package lazycat-tests --bin soak

.PHONY: judges
judges: setup build ## The field's validators over the catalog that `make run` makes
	.venv/bin/python -B -m pytest -q -rs -p no:cacheprovider tests/judges
	rm -rf target/judged
	$(LAZYCAT) run fixtures/scenes --catalog target/judged
	tests/judges/judge.py target/judged
	$(LAZYCAT) validate target/judged

.PHONY: fuzz
fuzz: ## Every fuzz target for FUZZ_SECONDS (60), some at a time; see tests/tests/fuzz/main.rs
	BOLERO_RANDOM_ITERATIONS=18446744073709551615 BOLERO_RANDOM_TEST_TIME_MS=$$(( $(FUZZ_SECONDS) * 1000 )) \
		$(CARGO) test --package lazycat-tests --test fuzz --locked

.PHONY: bench
bench: ## The benchmarks, one table
	tests/bench.sh

.PHONY: format
format: ## Formats the code
	$(CARGO) fmt --all
