# Everything a developer does here. `make` alone lists it.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help demo test faults soak bench wheel npm install check fmt

help: ## List the targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/\1|\2/p' Makefile | while IFS='|' read -r name text; do \
		printf '  make %-7s  %s\n' "$$name" "$$text"; \
	done

demo: ## Ship a small Git repository: fetch, build, test, package and publish it, a driver in each language
	@scripts/nats-server.sh
	@scripts/python.sh || echo "the demo goes on without Python's step"
	@scripts/node.sh || echo "the demo goes on without TypeScript's step"
	@scripts/c.sh || echo "the demo goes on without C's step"
	@scripts/go.sh || echo "the demo goes on without Go's step"
	cargo build --package conveyor-driver-examples --package conveyor-driver-cli --bins
	@cargo run --quiet --package conveyor-driver-examples --bin demo

test: ## Run every test, on a real nats-server too, and the examples, in Rust, Python, JavaScript, C, C++ and Go
	@scripts/test.sh

faults: ## Run each cell of the fault matrix 20 times; the table is also in target/faults.md
	@scripts/nats-server.sh
	cargo run --profile faults --package conveyor-driver-tests --bin faults -- --times 20

MINUTES ?= 30
soak: ## Mix faults at random for MINUTES (default 30); the table is also in target/soak.md
	@scripts/nats-server.sh
	cargo run --profile faults --package conveyor-driver-tests --bin faults -- soak --minutes $(MINUTES)

REPS ?= 5
# Further options: --scale X, --million, --candidates A,B, --only TEXT
BENCH ?=
bench: ## Measure the driver beside a peer, REPS times (default 5); the tables are also in target/bench.md
	@scripts/nats-server.sh
	cargo build --release --package conveyor-driver-bench
	$${CARGO_TARGET_DIR:-target}/release/bench --reps $(REPS) $(BENCH)

wheel: ## Build the Python package, optimised, into target/wheels
	@[ -x .venv/bin/maturin ] || scripts/python.sh
	.venv/bin/maturin build --release --out $${CARGO_TARGET_DIR:-target}/wheels

npm: ## Build the Node packages, optimised, into target/npm
	@[ -d bindings-node/node_modules ] || scripts/node.sh
	cd bindings-node && node scripts/build.mjs && node scripts/pack.mjs "$${CARGO_TARGET_DIR:-../target}/npm"

PREFIX ?= /usr/local
install: ## Install the C library, optimised, with its headers, below PREFIX (default /usr/local) and DESTDIR
	@scripts/install-c.sh "$(PREFIX)"

GO_CODE = bindings-go examples/go bench/go
check: ## Look for what rustfmt, clippy, rustdoc, ruff and gofmt complain about
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --all-features -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --all-features --no-deps
	@[ -x .venv/bin/ruff ] || scripts/python.sh
	.venv/bin/ruff check bindings-python examples bench
	.venv/bin/ruff format --check bindings-python examples bench
	@if command -v gofmt >/dev/null; then gofmt -d $(GO_CODE); [ -z "$$(gofmt -l $(GO_CODE))" ]; fi

fmt: ## Format the code
	cargo fmt --all
	@[ -x .venv/bin/ruff ] || scripts/python.sh
	.venv/bin/ruff check --fix bindings-python examples bench
	.venv/bin/ruff format bindings-python examples bench
	@if command -v gofmt >/dev/null; then gofmt -w $(GO_CODE); fi
