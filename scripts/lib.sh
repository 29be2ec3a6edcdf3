# shellcheck shell=bash
# What the scripts share; sourced, not run. Leaves the caller in the root of the checkout.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

# shellcheck disable=SC2034 # the sourcing script uses it
venv=$root/.build/venv # Python packages, pinned in test/requirements.txt
# shellcheck disable=SC2034
package_venv=$root/.build/venv-python # our own package, and what its tests need, pinned in python/requirements-dev.txt
logs=$root/.build/logs # output of installers and test runners
mkdir -p "$logs"
export PIP_DISABLE_PIP_VERSION_CHECK=1

# prefer_own_node: need.sh puts a Node.js beside the Python packages where the system has none or an old one.
prefer_own_node() {
  if [ -x "$venv/bin/node" ]; then
    PATH=$venv/bin:$PATH
  fi
}
prefer_own_node

# GOFLAGS: scripts are also run without make.
case " ${GOFLAGS:-} " in
*duckdb_arrow*) ;;
*) export GOFLAGS="${GOFLAGS:+$GOFLAGS }-tags=duckdb_arrow" ;;
esac

say() { printf '\033[1m== %s\033[0m\n' "$*"; }

fail() {
  printf '\033[1merror:\033[0m %s\n' "$*" >&2
  exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

# at_least HAVE WANT: dotted version numbers.
at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }

in_ci() { [ "${CI:-}" = true ]; }

# gotool NAME ARGS...: a tool pinned in tools/go.mod, built at first use and cached by Go.
gotool() { go tool -modfile=tools/go.mod "$@"; }
