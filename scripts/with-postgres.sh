#!/usr/bin/env bash
# Runs a command beside a PostgreSQL server of its own, found in MICROMEGAS_TEST_POSTGRES, on a free
# loopback port with a fresh folder. Where that variable is set already, it is used as it is.
#
#   scripts/with-postgres.sh go test ./catalog/...
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

if [ -n "${MICROMEGAS_TEST_POSTGRES:-}" ]; then
  exec "$@"
fi

bin=$(postgres_bin)
[ -n "$bin" ] || fail "no PostgreSQL server on this machine: scripts/need.sh postgres"

folder=$(mktemp -d)
as=() # PostgreSQL refuses to run as root
if [ "$(id -u)" -eq 0 ]; then
  chown postgres "$folder"
  as=(runuser -u postgres --)
fi
cd "$folder"

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
stop() {
  "${as[@]}" "$bin/pg_ctl" --pgdata="$folder/data" --mode=immediate --silent stop || true
  rm -rf "$folder"
}
trap stop EXIT

"${as[@]}" "$bin/initdb" --pgdata="$folder/data" --username=postgres --auth=trust --encoding=UTF8 \
  --no-sync >"$folder/initdb.log" 2>&1 || { cat "$folder/initdb.log" >&2; fail "initdb"; }
"${as[@]}" "$bin/pg_ctl" --pgdata="$folder/data" --log="$folder/server.log" --wait --silent \
  --options="-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories=$folder -c fsync=off" start ||
  { cat "$folder/server.log" >&2; fail "PostgreSQL did not start"; }

export MICROMEGAS_TEST_POSTGRES="postgres://postgres@127.0.0.1:$port/postgres?sslmode=disable"
cd "$root"
"$@"
