#!/usr/bin/env bash
# All Go tests under the race detector; arguments go to `go test`.
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

# -p 2: linking a test binary with DuckDB takes more than a gigabyte of memory.
gotool gotestsum --format pkgname --hide-summary skipped -- -race -p 2 "${@:-./...}"
