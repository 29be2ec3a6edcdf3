#!/usr/bin/env bash
# Formats everything in place.
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

scripts/need.sh go python package
gotool golangci-lint fmt
"$venv/bin/ruff" check --config test/ruff.toml --select I --fix --quiet test scripts
"$venv/bin/ruff" format --config test/ruff.toml test scripts
"$package_venv/bin/ruff" check --select I --fix --quiet python
"$package_venv/bin/ruff" format python
if have rustfmt; then
  cargo fmt --manifest-path test/rust/Cargo.toml
fi
