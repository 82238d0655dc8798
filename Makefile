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
# What the functions' zips are built for, and which configuration of samconfig.toml is deployed.
ARCHITECTURE ?= arm64
CONFIG ?= dev
DEPLOYED_ARCHITECTURE = $(shell sed -n '/^\[$(CONFIG)\.deploy/,/^\[/s/.*"Architecture=\(.*\)".*/\1/p' samconfig.toml)
HOST_ARCHITECTURE := $(patsubst aarch64,arm64,$(shell uname -m))

.PHONY: help
help: ## What there is to make
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

.PHONY: build
build: ## The release binary, target/release/lazycat, for directories alone
	$(CARGO) build --release --locked --package lazycat-cli --no-default-features

.PHONY: catalog
catalog: build ## A catalog from the scenes in fixtures/scenes, in ./demo
	$(LAZYCAT) run fixtures/scenes --catalog $(CATALOG) --index

.PHONY: run
run: catalog ## The same, and serves it
	$(LAZYCAT) serve $(CATALOG) --addr $(ADDR)

.PHONY: browser
browser: ## STAC Browser, in target/browser, for `lazycat serve --browser`
	tests/browser/stac-browser/build.sh

.PHONY: test
test: lint unit judges e2e e2e-browser ## Everything: set-up, style, documentation, licences, tests, the field's validators

.PHONY: setup
setup: ## The tools of the tests, pinned: .venv, node_modules, target/tools, target/opensearch, target/postgres; a PostgreSQL where Debian has one
	tests/judges/setup.sh
	tests/setup-cargo-deny.sh
	tests/opensearch/setup.sh
	tests/postgres/setup.sh
	tests/generators/setup.sh

.PHONY: lint
lint: setup ## Format, clippy, documentation and licences
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --locked -- --deny warnings
	RUSTDOCFLAGS="--deny warnings" $(CARGO) doc --workspace --no-deps --locked --quiet
	PATH="$(CURDIR)/target/tools/bin:$$PATH" cargo-deny --log-level error check licenses bans sources

# Where generated inputs begin: the same each time. `make fuzz` and `make soak` look for others.
SEED ?= 20261121

.PHONY: unit
unit: setup ## The tests in Rust
	BOLERO_RANDOM_SEED=$(SEED) PROPTEST_RNG_SEED=$(SEED) $(CARGO) test --workspace --locked

# How long `make soak` goes on, in seconds.
SOAK_SECONDS ?= 60

.PHONY: soak
soak: ## The use cases under fresh random schedules and faults, for SOAK_SECONDS
	SOAK_SECONDS=$(SOAK_SECONDS) $(CARGO) run --locked --quiet --package lazycat-tests --bin soak

.PHONY: judges
judges: setup build ## The field's validators, client and API over what `make run` makes and serves, and over pgstac
	.venv/bin/python -B -m pytest -q -rs -p no:cacheprovider tests/judges
	rm -rf target/judged
	$(LAZYCAT) run fixtures/scenes --catalog target/judged
	tests/judges/judge.py target/judged
	$(LAZYCAT) validate target/judged
	LAZYCAT=$(CURDIR)/$(LAZYCAT) .venv/bin/python -B -m pytest -q -rs -p no:cacheprovider tests/imports
	$(CARGO) test --workspace --locked --no-run --test starts
	.venv/bin/python -B -m pytest -q -rs -p no:cacheprovider tests/api

.PHONY: fuzz
fuzz: ## Every fuzz target for FUZZ_SECONDS (60), some at a time; see tests/tests/fuzz/main.rs
	BOLERO_RANDOM_ITERATIONS=18446744073709551615 BOLERO_RANDOM_TEST_TIME_MS=$$(( $(FUZZ_SECONDS) * 1000 )) \
		$(CARGO) test --package lazycat-tests --test fuzz --locked

.PHONY: e2e
e2e: setup browser ## The functions as deployed: optimised binaries, by sam, to an emulator of AWS
	tests/browser/setup.sh
	$(CARGO) build --profile e2e --locked --package lazycat-fixtures
	$(CARGO) build --profile e2e --locked --package lazycat-cli
	.venv/bin/python -B -m pytest -q -p no:cacheprovider --durations=8 tests/e2e

.PHONY: e2e-browser
e2e-browser: setup build browser ## The catalog in STAC Browser and Chromium; pictures in target/browser-screenshots
	tests/browser/setup.sh
	.venv/bin/python -B -m pytest -q --durations=3 tests/browser

VERSION = $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
HOST = $(shell rustc -vV | sed -n 's/^host: //p')
ARCHIVE = lazycat-$(VERSION)-$(HOST)
SHELLS := bash elvish fish powershell zsh

.PHONY: dist
dist: build ## The command as an archive for others, in target/dist: with completions, manual pages and all licences
	rm -rf target/dist/$(ARCHIVE)
	mkdir -p target/dist/$(ARCHIVE)/completions
	install --strip $(LAZYCAT) target/dist/$(ARCHIVE)/lazycat
	for shell in $(SHELLS); do $(LAZYCAT) completions $$shell > target/dist/$(ARCHIVE)/completions/lazycat.$$shell; done
	$(LAZYCAT) man target/dist/$(ARCHIVE)/man/man1
	cp README.md CHANGELOG.md LICENSE LICENSE-APACHE LICENSE-MIT target/dist/$(ARCHIVE)
	cli/licences.py $(HOST) > target/dist/$(ARCHIVE)/LICENSES-OF-OTHERS.txt
	tar --create --gzip --sort=name --owner=0 --group=0 --numeric-owner --mtime=@0 \
		--file target/dist/$(ARCHIVE).tar.gz --directory target/dist $(ARCHIVE)
	sha256sum target/dist/$(ARCHIVE).tar.gz

.PHONY: dist-functions
dist-functions: ## The functions as zips, in target/functions, as small as they get
	$(MAKE) -C functions dist ARCHITECTURE=$(ARCHITECTURE)

.PHONY: deploy
deploy: setup ## Builds the functions and deploys them as samconfig.toml says: CONFIG=dev or prod
	ARCHITECTURE=$(or $(DEPLOYED_ARCHITECTURE),$(error samconfig.toml names no Architecture for $(CONFIG))) \
	    .venv/bin/sam build --config-env $(CONFIG)
	.venv/bin/sam deploy --config-env $(CONFIG)

.PHONY: bench-functions
bench-functions: setup ## How fast the functions start, and what they keep in memory
	$(MAKE) -C functions binaries ARCHITECTURE=$(HOST_ARCHITECTURE)
	.venv/bin/python -B functions/bench.py target/lambda

.PHONY: bench
bench: setup ## The benchmarks, as one table; BENCHES="items run" for some, see docs/benchmarks.md
	tests/bench/run.sh $(BENCHES)

.PHONY: bench-loaders
bench-loaders: setup ## Search indexes and their loaders beside what others use, one table; JSON=FILE writes it there as well
	.venv/bin/python -B tests/bench_loaders.py $(if $(JSON),--json $(JSON))

.PHONY: bench-search
bench-search: setup ## Our STAC API over pgstac beside stac-fastapi-pgstac, on one database
	built=$$($(CARGO) bench --no-run --locked --package lazycat-tests --bench stac_api --message-format json | \
		sed -n 's/.*"executable":"\([^"]*stac_api-[^"]*\)".*/\1/p'); \
	.venv/bin/python -B tests/postgres/bench_search.py $$built

.PHONY: format
format: ## Formats the code
	$(CARGO) fmt --all
