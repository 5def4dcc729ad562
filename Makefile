# Everything a developer or an operator does with Spacehook. `make` alone lists it.
#
# Needs: Rust (rust-version in Cargo.toml), Python 3.11 or later, bash. All else is installed below .local, each version pinned.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

PYTHON ?= python3
ARCH ?= arm64
# In CI a lock file that does not fit is an error, not something to write anew.
LOCKED := $(if $(CI),--locked)
# One profile everywhere, so that the crates are compiled once: what is tested is what is deployed.
CARGO_RELEASE := --release $(LOCKED)

VENV := .local/venv
VENV_BUILD := .local/venv-build
VENV_SCHEMATHESIS := .local/venv-schemathesis
# Stamps carry a checksum of what they were made from: a changed file makes the environment anew, a new date does not.
checksum = $(shell cksum < $(1) | tr -d ' \t')
# From its own sources, without optimising what runs for three seconds: 80 s of processor time, once.
CARGO_DENY_VERSION := 0.20.2
CARGO_DENY := .local/tools/cargo-deny-$(CARGO_DENY_VERSION)/bin/cargo-deny
CARGO_FUZZ_VERSION := 0.13.2
CARGO_FUZZ := .local/tools/cargo-fuzz-$(CARGO_FUZZ_VERSION)/bin/cargo-fuzz
VENV_MADE := $(VENV)/made-$(call checksum,infra/local/requirements.txt)
VENV_BUILD_MADE := $(VENV_BUILD)/made-$(call checksum,infra/build-requirements.txt)
SCHEMATHESIS_REQUIREMENTS := tests/fuzz/requirements.txt
VENV_SCHEMATHESIS_MADE := $(VENV_SCHEMATHESIS)/made-$(call checksum,$(SCHEMATHESIS_REQUIREMENTS))

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z][a-z0-9-]*:.*## / { printf "  %-18s %s\n", $$1, $$2 } \
		/^##@ / { printf "\n%s\n", substr($$0, 5) }' $(MAKEFILE_LIST)

##@ Try it

.PHONY: run
run: release setup ## Local cloud and demo, until Ctrl-C (DEMO=once: exit 0 if every webhook arrived)
	@exec $(VENV)/bin/python infra/local/demo.py

.PHONY: start
start: release setup ## Local cloud alone, until Ctrl-C (SPACEHOOK_PORT=4566)
	@exec $(VENV)/bin/python infra/local/cloud.py start

.PHONY: stop
stop: setup ## Stop the local cloud that runs in another terminal
	@$(VENV)/bin/python infra/local/cloud.py stop

.PHONY: clean-local
clean-local: ## Forget the local cloud's data and its certificates (not the installed tools)
	rm -rf .local/state .local/state-* .local/ca

##@ Develop

.PHONY: test
test: fmt-check lint deny unit cfn-lint e2e ## All that CI runs

.PHONY: fmt
fmt: ## Format the Rust code
	cargo fmt --all

.PHONY: fmt-check
fmt-check: ## Fail if the Rust code is not formatted
	cargo fmt --all --check

.PHONY: lint
lint: ## Clippy; a warning is an error
	cargo clippy $(CARGO_RELEASE) --workspace --all-targets -- -D warnings

# Without advisories, which need their database from the network. `cargo fetch` goes to the network only for crates
# that are not there yet; cargo-deny wants those of every platform.
.PHONY: deny
deny: $(CARGO_DENY) ## Check licences, sources and banned crates (offline)
	cargo fetch --offline $(LOCKED) 2> /dev/null || cargo fetch $(LOCKED)
	$(CARGO_DENY) --offline --all-features check --hide-inclusion-graph bans licenses sources

.PHONY: unit
unit: ## Unit and property tests
	cargo test $(CARGO_RELEASE) --workspace

SEEDS ?= 1000
# The report is on standard error; standard output has what the test harness says of the crates that have no such test.
.PHONY: simulate
simulate: ## Simulate the delivery engine (SEEDS=1000; SEED=n replays one alone, with its trace)
	@SIMULATE_SEEDS="$(SEEDS)" SIMULATE_SEED="$(SEED)" cargo test $(CARGO_RELEASE) --workspace --test it -- \
		--exact --nocapture simulation::tests::seeds_hold > /dev/null

SECONDS ?= 60
# On the stable toolchain: coverage without a sanitizer needs nothing of nightly but leave to ask for it, and the code that is
# fuzzed has no `unsafe`. What is found is kept below .local/fuzz, and is where the next run begins.
.PHONY: fuzz
fuzz: $(CARGO_FUZZ) ## Fuzz telemetry of every profile, recipes, and scripts (SECONDS=60 each)
	$(PYTHON) tests/fuzz/seeds.py .local/fuzz
	cd tests/fuzz/telemetry && for target in messages recipes scripts; do \
		RUSTC_BOOTSTRAP=1 $(CURDIR)/$(CARGO_FUZZ) run --fuzz-dir . --sanitizer none --target-dir $(CURDIR)/.local/fuzz/target \
			$$target $(CURDIR)/.local/fuzz/$$target -- -max_total_time=$(SECONDS) -timeout=5 -rss_limit_mb=1024 -max_len=8192; \
	done

.PHONY: cfn-lint
cfn-lint: setup ## Check template.yaml, before and after the SAM transform
	$(VENV)/bin/python infra/lint.py

.PHONY: e2e
e2e: release setup setup-schemathesis ## End-to-end tests through the local cloud, with the real binaries
	$(VENV)/bin/python -m pytest tests

.PHONY: release
release: ## Build the functions for this machine
	cargo build $(CARGO_RELEASE) --workspace --bins

# As `make build` builds them, but with plain cargo and for this machine. Minutes the first time.
.PHONY: shipped
shipped:
	cargo build --profile shipped $(LOCKED) --workspace --bins

.PHONY: bench
bench: shipped ## What a delivery costs, beside a bare HTTPS client, and a request to the API (builds as shipped, then 90 s)
	cargo bench $(LOCKED) --quiet --workspace --bench deliveries -- --dispatcher $(CURDIR)/target/shipped/dispatcher \
		--api $(CURDIR)/target/shipped/api

.PHONY: bench-ingest
bench-ingest: ## What a reading costs, native and by a decoder, beside parsing its JSON (builds as shipped, then 30 s)
	cargo build --profile shipped $(LOCKED) --bin ingest
	cargo bench $(LOCKED) --quiet --workspace --bench deliveries -- --ingest $(CURDIR)/target/shipped/ingest

.PHONY: sizes
sizes: setup shipped ## Size and start-up time of each function (builds as shipped)
	@$(VENV)/bin/python infra/local/sizes.py --binaries target/shipped

##@ Ship

.PHONY: build
build: setup-build ## Build the functions for Lambda with cargo-lambda (ARCH=arm64 or x86_64)
	PATH="$(CURDIR)/$(VENV_BUILD)/bin:$$PATH" cargo lambda build --profile shipped $(LOCKED) \
		$(if $(filter x86_64,$(ARCH)),--x86-64,--arm64) --bin ingest --bin dispatcher --bin api --bin health

.PHONY: deploy
deploy: require-stage build setup ## Deploy to AWS (STAGE=prod S3_BUCKET=..., infra/parameters/STAGE.json if it exists)
	$(VENV)/bin/python infra/deploy.py --stage "$(STAGE)" --bucket "$(S3_BUCKET)" --architecture "$(ARCH)" \
		$(if $(wildcard infra/parameters/$(STAGE).json),--parameters "infra/parameters/$(STAGE).json") \
		--aws $(VENV)/bin/aws

.PHONY: redrive
redrive: setup ## Put dead letters back (QUEUE=events, retries or holds, STAGE=local; DRY_RUN=1 lists; MESSAGE=id BODY=file)
	@$(VENV)/bin/python infra/redrive.py --queue "$(QUEUE)" --stage "$(or $(STAGE),local)" $(if $(DRY_RUN),--dry-run) \
		$(if $(MESSAGE),--message "$(MESSAGE)") $(if $(BODY),--body "$(BODY)")

.PHONY: require-stage
require-stage:
	@[ -n "$(STAGE)" ] || { echo "deploy: say which stage, as in: make deploy STAGE=prod S3_BUCKET=my-bucket" >&2; exit 2; }
	@[ -n "$(S3_BUCKET)" ] || { echo "deploy: say which S3 bucket takes the code, as in: S3_BUCKET=my-bucket (made once: aws s3 mb s3://my-bucket)" >&2; exit 2; }

##@ Tools

.PHONY: setup
setup: $(VENV_MADE) ## Install the local cloud's tools into .local/venv, if they are not there

.PHONY: setup-build
setup-build: $(VENV_BUILD_MADE) ## Install cargo-lambda into .local/venv-build, if it is not there

.PHONY: setup-schemathesis
setup-schemathesis: $(VENV_SCHEMATHESIS_MADE) ## Install schemathesis into .local/venv-schemathesis, if it is not there

# Without compiling every module: of hundreds of megabytes few are ever imported, and those are compiled then.
define make_venv
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or later is needed" if sys.version_info < (3, 11) else 0)'
	@echo "installing $(1) into $(2) ..."
	@rm -rf $(2)
	@$(PYTHON) -m venv $(2)
	@$(2)/bin/python -m pip install --quiet --disable-pip-version-check --no-compile --only-binary :all: -r $(1)
	@touch $@
endef

$(VENV_MADE):
	$(call make_venv,infra/local/requirements.txt,$(VENV))

$(CARGO_DENY):
	CARGO_PROFILE_DEV_DEBUG=false cargo install cargo-deny --version $(CARGO_DENY_VERSION) --locked --debug --quiet \
		--root .local/tools/cargo-deny-$(CARGO_DENY_VERSION) --target-dir .local/tools/target
	rm -rf .local/tools/target

$(CARGO_FUZZ):
	CARGO_PROFILE_DEV_DEBUG=false cargo install cargo-fuzz --version $(CARGO_FUZZ_VERSION) --locked --debug --quiet \
		--root .local/tools/cargo-fuzz-$(CARGO_FUZZ_VERSION) --target-dir .local/tools/target
	rm -rf .local/tools/target

$(VENV_BUILD_MADE):
	$(call make_venv,infra/build-requirements.txt,$(VENV_BUILD))

$(VENV_SCHEMATHESIS_MADE):
	$(call make_venv,$(SCHEMATHESIS_REQUIREMENTS),$(VENV_SCHEMATHESIS))
