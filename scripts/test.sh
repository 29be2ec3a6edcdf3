#!/usr/bin/env bash
# Runs every test in all languages and ends with the runners' own counts.
#
# Go first: its packages are what the system tests stand on. A failure in one language does not
# keep the others from running.
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

scripts/need.sh go cc python package node
prefer_own_node # it may just have come
rm -f "$logs/counts"
closing=() # the runners' last lines
failed=()

# run NAME LAST COMMAND...: tees the output and keeps the last line that matches LAST.
run() {
  local name=$1 last=$2 log line
  shift 2
  log=$logs/$name.log
  say "$name tests"
  "$@" 2>&1 | tee "$log" || failed+=("$name")
  line=$(grep -aE "$last" "$log" | tail -n 1) || line="$name: no closing line, see $log"
  closing+=("$line")
}

say "building"
make --no-print-directory build

emitter=.build/cargo/debug/emitter
if scripts/need.sh rust; then
  say "building the program on the published Rust crates"
  cargo build --quiet --locked --manifest-path test/rust/Cargo.toml --target-dir .build/cargo
elif in_ci; then
  fail "the Rust test program is part of CI"
else
  say "going on without the tests that run the Rust test program"
  rm -f "$emitter"
fi

if ! scripts/need.sh postgres; then
  if in_ci; then
    fail "PostgreSQL is part of CI"
  fi
  say "going on without the tests that need PostgreSQL"
fi

if ! scripts/need.sh chromium; then
  if in_ci; then
    fail "Chromium is part of CI"
  fi
  say "going on without the logins in a real browser"
fi

# -p 2: linking a test binary with DuckDB takes more than a gigabyte of memory.
run go '^DONE ' gotool gotestsum --format pkgname --hide-summary skipped -- -race -p 2 ./...

# Thousands of random interleavings of all that happens to a lake; without -race, which ran some of them above.
run simulation '^(ok|FAIL)' env SIMULATION_RUNS="${SIMULATION_RUNS:-2000}" go test -count=1 -timeout 20m -run '^TestSimulation$' ./lake

# Under the race detector the SDK locks its shards; programs run it without.
run sdk '^DONE ' gotool gotestsum --format pkgname --hide-summary skipped -- ./sdk

# The published client logs in on a fixed port. Where we may, keep outgoing connections off it.
if in_ci && [ -w /proc/sys/net/ipv4/ip_local_reserved_ports ]; then
  echo 48080 >/proc/sys/net/ipv4/ip_local_reserved_ports || true
fi

# pytest's exit status 5 says that there was no test; that is a failure here.
run pytest '^(=+ )?[0-9]+ .*in [0-9.]+s' "$venv/bin/pytest" test/system

run python '^(=+ )?[0-9]+ .*in [0-9.]+s' "$package_venv/bin/pytest" --config-file python/pyproject.toml python/tests

if [ ${#failed[@]} -gt 0 ]; then
  say "failed: ${failed[*]}"
fi
printf '%s\n' "${closing[@]}" | tee "$logs/counts"
[ ${#failed[@]} -eq 0 ]
