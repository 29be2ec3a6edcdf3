# Thin on purpose: what a target does is in scripts/.
# Everything that is built or installed locally lands in bin/ and .build/, both ignored by git.

SHELL := /bin/bash
.DEFAULT_GOAL := help

# DuckDB hands rows over as Arrow only in builds with this tag.
export GOFLAGS := $(strip $(GOFLAGS) -tags=duckdb_arrow)

# Every folder of a main package becomes a binary of that name in bin/.
programs := $(addprefix ./,$(patsubst %/,%,$(dir $(wildcard cmd/*/main.go examples/*/main.go))))

.PHONY: help
help: ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: ## install what is missing, build, start everything, feed it, show a first answer; Ctrl-C stops
	@scripts/run.sh

.PHONY: test
test: ## install what is missing and run every test in all languages
	@scripts/test.sh

.PHONY: lint
lint: ## check formatting, imports, shell and Python, and run the linters
	@scripts/lint.sh

.PHONY: fmt
fmt: ## format Go, Python and Rust in place
	@scripts/fmt.sh

.PHONY: build
build: ## build the binaries into bin/
	@scripts/need.sh go cc
	@mkdir -p bin
	go build -trimpath -o bin/ $(programs)

.PHONY: bench
bench: ## run the benchmarks
	@scripts/need.sh go cc
	go test -run '^$$' -bench . -benchmem ./...

.PHONY: clean
clean: ## remove what was built and installed here; stored telemetry stays
	rm -rf bin .build
