#!/usr/bin/env bash
# From a fresh checkout to the first answer: installs what is missing, builds, starts everything in
# one process on embedded storage, feeds it with two instrumented programs, asks a first question
# through the published Python client, and stays up until Ctrl-C.
#
#   HTTP=127.0.0.1:9000         where programs send their telemetry
#   GRPC=127.0.0.1:50051        where clients ask
#   MICROMEGAS_DATA_DIR         where it is kept; it is still there at the next start
#   MICROMEGAS_API_KEYS         the keys to accept; without it one is made for this run
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

started=$SECONDS
begin=$(date -u +%FT%TZ)
http=${HTTP:-127.0.0.1:9000}
grpc=${GRPC:-127.0.0.1:50051}
export MICROMEGAS_DATA_DIR=${MICROMEGAS_DATA_DIR:-$HOME/.micromegas/lake}
ready_within=60 # seconds that the server has until it says it is ready
rows_within=60  # seconds until the first rows must be there

run=$root/.build/run
mkdir -p "$run"

# in_use ADDRESS: whether somebody listens there.
in_use() { (exec 3<>"/dev/tcp/${1%:*}/${1##*:}") 2>/dev/null; }

# ready: whether the server answers 200 to GET /ready.
ready() {
  local status=''
  { exec 3<>"/dev/tcp/${http%:*}/${http##*:}" &&
    printf 'GET /ready HTTP/1.0\r\nHost: %s\r\n\r\n' "$http" >&3 &&
    read -r -t 5 _ status _ <&3; } 2>/dev/null
  exec 3>&- || true
  [ "$status" = 200 ]
}

for address in "$http" "$grpc"; do
  if in_use "$address"; then
    fail "$address is in use. Stop what listens there (is another 'make run' up?)," \
      "or choose other addresses: HTTP=127.0.0.1:9001 GRPC=127.0.0.1:50052 make run"
  fi
done

scripts/need.sh go cc python
say "building"
make --no-print-directory build

if [ -z "${MICROMEGAS_API_KEYS:-}" ]; then
  key=$("$venv/bin/python" -c 'import secrets; print(secrets.token_urlsafe(32))')
  export MICROMEGAS_API_KEYS="[{\"name\":\"make-run\",\"key\":\"$key\"}]"
else
  key=$("$venv/bin/python" -c 'import json, os; print(json.loads(os.environ["MICROMEGAS_API_KEYS"])[0]["key"])') ||
    fail "MICROMEGAS_API_KEYS must look like [{\"name\":\"me\",\"key\":\"…\"}]"
fi
(umask 077 && printf '%s\n' "$key" >"$run/key")

# The children get sessions of their own: Ctrl-C reaches this script alone, which stops them in order.
server='' feeders=''
stop() {
  trap '' INT TERM
  local pid status=0
  for pid in $feeders $server; do # the feeders first, so that their last events still arrive
    if kill -TERM "$pid" 2>/dev/null; then
      wait "$pid" || status=$?
    fi
  done
  feeders='' server=''
  return $status
}
trap 'stop || true' EXIT
trap 'echo; say "stopping"; stop || fail "not everything stopped cleanly; see the logs in $run"; say "stopped; the data stays in $MICROMEGAS_DATA_DIR"; exit 0' INT TERM

say "starting micromegas on $http and $grpc, data in $MICROMEGAS_DATA_DIR"
setsid bin/micromegas serve --listen-endpoint-http "$http" --listen-endpoint-grpc "$grpc" \
  >"$run/server.log" 2>&1 &
server=$!

give_up=$((SECONDS + ready_within))
until ready; do
  if ! kill -0 "$server" 2>/dev/null; then
    tail -n 20 "$run/server.log" >&2
    server=''
    fail "the server ended; all it said is in $run/server.log"
  fi
  if [ "$SECONDS" -ge "$give_up" ]; then
    tail -n 20 "$run/server.log" >&2
    fail "the server is not ready after $ready_within s; see $run/server.log"
  fi
  sleep 0.1
done

say "feeding it with bin/webserver and bin/frameloop"
for program in webserver frameloop; do
  MICROMEGAS_TELEMETRY_URL=http://$http MICROMEGAS_INGESTION_API_KEY=$key MICROMEGAS_FLUSH_PERIOD=2 \
    setsid "bin/$program" >"$run/$program.log" 2>&1 &
  feeders="$feeders $!"
done

export MICROMEGAS_ANALYTICS_URI=grpc://$grpc
first='SELECT time, level, target, msg FROM log_entries ORDER BY time DESC LIMIT 5'
say "the first answer, through the published Python client: $first"
"$venv/bin/python" scripts/query.py --begin "$begin" --wait "$rows_within" "$first" || {
  tail -n 20 "$run/webserver.log" "$run/frameloop.log" >&2
  fail "no rows after $rows_within s; see $run/server.log, $run/webserver.log and $run/frameloop.log"
}
say "$((SECONDS - started)) s from start to first answer"

uri=
if [ "$grpc" != 127.0.0.1:50051 ]; then
  uri="MICROMEGAS_ANALYTICS_URI=grpc://$grpc "
fi
cat <<END

  programs send to   http://$http     (MICROMEGAS_TELEMETRY_URL)
  clients ask        grpc://$grpc    (MICROMEGAS_ANALYTICS_URI)
  with the key       $key
  data               $MICROMEGAS_DATA_DIR
  logs               $run/server.log

Try, in another terminal in $root:

  $uri.build/venv/bin/python scripts/query.py "SELECT exe, username, computer, start_time FROM processes ORDER BY start_time DESC"
  $uri.build/venv/bin/python scripts/query.py "SELECT name, unit, count(*) AS samples, avg(value) AS mean FROM measures GROUP BY name, unit ORDER BY name"
  curl --include http://$http/ready

Ctrl-C stops everything.
END

# Any of them ending by itself is an error worth showing.
# shellcheck disable=SC2086 # one word per process
wait -n "$server" $feeders || true
if ! kill -0 "$server" 2>/dev/null; then
  tail -n 20 "$run/server.log" >&2
  fail "the server ended by itself; see $run/server.log"
fi
say "a feeder has ended; the server stays up"
wait "$server"
