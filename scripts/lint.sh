#!/usr/bin/env bash
# Every check that does not run the program. Goes through all of them before it fails.
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

scripts/need.sh go cc python package

failed=()
check() {
  local name=$1
  shift
  say "$name"
  "$@" || failed+=("$name")
}

check "go vet" go vet ./...
check "go vet, second OpenID provider" env GOFLAGS= go -C test/zitadel vet ./...
check "go vet, benchmark of the SDK" env GOFLAGS= go -C bench/sdk vet ./...
for target in linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64; do
  check "SDK without cgo, $target" \
    env CGO_ENABLED=0 GOFLAGS= GOOS="${target%/*}" GOARCH="${target#*/}" go build ./sdk/... ./examples/...
done
check "golangci-lint fmt" gotool golangci-lint fmt --diff
check "golangci-lint run" gotool golangci-lint run ./...
check "ruff check" "$venv/bin/ruff" check --config test/ruff.toml test scripts
check "ruff format" "$venv/bin/ruff" format --config test/ruff.toml --check test scripts
check "ruff check, package" "$package_venv/bin/ruff" check python
check "ruff format, package" "$package_venv/bin/ruff" format --check python
check "mypy --strict, package" env --chdir=python "$package_venv/bin/mypy"
check "shellcheck" "$venv/bin/shellcheck" --external-sources scripts/*.sh .ci/run
check "requirements" "$venv/bin/python" scripts/requirements.py
if have rustfmt; then
  check "cargo fmt" cargo fmt --manifest-path test/rust/Cargo.toml --check
fi

if [ ${#failed[@]} -gt 0 ]; then
  fail "failed: $(printf '%s; ' "${failed[@]}")"
fi
