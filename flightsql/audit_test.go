package flightsql

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/netip"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/micromegas-go/micromegas/auth"
)

// as is a door that takes everybody for id, behind proxies.
func as(id *auth.Identity, proxies ...netip.Prefix) grpc.ServerOption {
	return grpc.ChainStreamInterceptor(func(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, next grpc.StreamHandler) error {
		return next(srv, guarded{stream, admitted(stream.Context(), id, proxies)})
	})
}

// asUnary is as for calls that are no streams.
func asUnary(id *auth.Identity) grpc.ServerOption {
	return grpc.ChainUnaryInterceptor(func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
		return next(admitted(ctx, id, nil), req)
	})
}

func admitted(ctx context.Context, id *auth.Identity, proxies []netip.Prefix) context.Context {
	p, _ := peer.FromContext(ctx)
	addr := auth.Proxies(proxies).Client(p.Addr.String(), func(name string) []string { return metadata.ValueFromIncomingContext(ctx, name) })
	ctx = auth.WithClient(ctx, addr, p.Addr.String())
	if id != nil {
		ctx = auth.With(ctx, id)
	}
	return ctx
}

var loopback = netip.MustParsePrefix("127.0.0.0/8")

// audited runs one query on a fresh server, on behalf of id, and returns its audit record and its error.
func audited(t *testing.T, id *auth.Identity, ctx context.Context, sql string, proxies ...netip.Prefix) (map[string]any, error) { //nolint:revive // ctx carries the headers
	t.Helper()
	var log bytes.Buffer
	s := start(t, Options{Log: slog.New(slog.NewJSONHandler(&log, nil))}, as(id, proxies...))
	r, err := s.client.DoGet(ctx, ticket(sql))
	if err == nil {
		if word(sql) == "wait" {
			r.Next()
			<-s.started
			_ = s.client.Close()
		}
		_, err = drain(r)
	}
	s.stop()
	if err := <-s.done; err != nil {
		t.Fatal(err)
	}
	close(s.done)
	var found map[string]any
	for line := range strings.Lines(log.String()) {
		var rec map[string]any
		if err := json.Unmarshal([]byte(line), &rec); err != nil {
			t.Fatal(err)
		}
		if rec["msg"] == "query audit" {
			if found != nil {
				t.Fatal("two records")
			}
			found = rec
		}
	}
	if found == nil {
		t.Fatalf("no record in %s", log.String())
	}
	return found, err
}

func TestAuditOfAQuery(t *testing.T) {
	ctx := with(within(t), "x-client-type", "python", "x-client-agent", "none", "x-client-entrypoint", "script",
		"x-client-session", "s1", "x-request-id", "r1", "x-forwarded-for", "1.1.1.1, 2.2.2.2", "limit", "5",
		"query_range_begin", "2024-01-01T00:00:00Z", "query_range_end", "2024-01-02T00:00:00+01:00")
	rec, err := audited(t, &auth.Identity{
		Subject: "u1", Email: "u1@example.com", Method: auth.MethodOIDC, Issuer: "https://idp", Admin: true,
	}, ctx, "logs where x = 1", loopback)
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]any{
		"target": AuditTarget, "level": "INFO", "client": "python", "agent": "none", "entrypoint": "script", "session": "s1",
		"request_id": "r1", "client_ip": "2.2.2.2", "auth_method": "oidc", "auth_subject": "u1", "issuer": "https://idp", "admin": true,
		"user": "u1", "email": "u1@example.com", "service_account": false,
		"sql": "logs where x = 1", "limit": 5.0, "status": "ok", "output_rows": 10.0, "files": 3.0, "bytes_scanned": 1000.0,
		"rows_scanned": 50.0, "cpu_ms": 1.5, "peak_memory_bytes": 4096.0, "spilled_bytes": 7.0, "sql_hash": hashSQL("LOGS where x=2"),
		"range_begin": "2024-01-01T00:00:00.000000000Z", "range_end": "2024-01-01T23:00:00.000000000Z",
	} {
		if rec[key] != want {
			t.Errorf("%s = %v, want %v", key, rec[key], want)
		}
	}
	for _, key := range []string{"planning_ms", "execution_ms", "total_ms"} {
		if n, ok := rec[key].(float64); !ok || n < 0 {
			t.Errorf("%s = %v", key, rec[key])
		}
	}
	for _, key := range []string{"error", "error_class", "notebook", "cell", "name", "service_account_name"} {
		if v, ok := rec[key]; ok {
			t.Errorf("%s = %v", key, v)
		}
	}
	if id, _ := rec["query_id"].(string); len(id) != 36 {
		t.Errorf("query_id %q", id)
	}
}

func TestAuditSaysHowAQueryEnded(t *testing.T) {
	for sql, want := range map[string][2]any{
		"one":                 {"ok", nil},
		"nonsense":            {"error", "user"},
		"late":                {"error", "user"},
		"fault unimplemented": {"error", "user"},
		"fault exhausted":     {"error", "resource"},
		"fault denied":        {"error", "denied"},
		"fault internal":      {"error", "internal"},
		"raw":                 {"error", "internal"},
		"panic now":           {"error", "internal"},
		"explode":             {"error", "internal"},
		"wait":                {"incomplete", nil},
	} {
		t.Run(sql, func(t *testing.T) {
			rec, err := audited(t, nil, within(t), sql)
			if rec["status"] != want[0] || rec["error_class"] != want[1] {
				t.Errorf("%v %v, want %v", rec["status"], rec["error_class"], want)
			}
			if text := status.Convert(err).Message(); want[0] == "error" && !strings.Contains(text, rec["query_id"].(string)) {
				t.Errorf("the answer %q has another id than the record, %v", text, rec["query_id"])
			}
			if rec["user"] != "unknown" || rec["client"] != "unknown" || rec["client_ip"] != "127.0.0.1" {
				t.Errorf("%v", rec)
			}
		})
	}
}

// B26: forwarding headers are the caller's own word unless a trusted proxy sends them; one that contradicts itself is none.
func TestB26ClientOfTheAudit(t *testing.T) {
	for name, tc := range map[string]struct {
		headers []string
		proxies []netip.Prefix
		want    string
	}{
		"no proxy":            {[]string{"x-forwarded-for", "6.6.6.6", "x-real-ip", "7.7.7.7"}, nil, "127.0.0.1"},
		"another proxy":       {[]string{"x-forwarded-for", "6.6.6.6"}, []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, "127.0.0.1"},
		"the proxy":           {[]string{"x-forwarded-for", "6.6.6.6, 8.8.8.8"}, []netip.Prefix{loopback}, "8.8.8.8"},
		"x-real-ip":           {[]string{"x-real-ip", "7.7.7.7"}, []netip.Prefix{loopback}, "7.7.7.7"},
		"contradicting words": {[]string{"x-forwarded-for", "6.6.6.6", "x-real-ip", "7.7.7.7"}, []netip.Prefix{loopback}, "unknown"},
		"nonsense":            {[]string{"x-forwarded-for", "a b"}, []netip.Prefix{loopback}, "unknown"},
	} {
		t.Run(name, func(t *testing.T) {
			rec, err := audited(t, nil, with(within(t), tc.headers...), "one", tc.proxies...)
			if err != nil || rec["client_ip"] != tc.want {
				t.Errorf("client_ip %v, want %s (%v)", rec["client_ip"], tc.want, err)
			}
		})
	}
}

func TestDelegation(t *testing.T) {
	key := &auth.Identity{Subject: "grafana", Issuer: auth.IssuerAPIKey, Method: auth.MethodAPIKey, MayDelegate: true}
	claims := []string{auth.HeaderUserID, "u%C3%BC", auth.HeaderUserEmail, "u@example.com", auth.HeaderUserName, "U%20N"}
	rec, err := audited(t, key, with(within(t), claims...), "one")
	if err != nil {
		t.Fatal(err)
	}
	if rec["user"] != "uü" || rec["email"] != "u@example.com" || rec["name"] != "U N" || rec["service_account"] != true || rec["service_account_name"] != "grafana" {
		t.Errorf("record %v", rec)
	}
	user := &auth.Identity{Subject: "u1", Email: "u1@example.com", Method: auth.MethodOIDC}
	rec, err = audited(t, user, with(within(t), claims...), "one")
	if status.Code(err) != codes.PermissionDenied || rec["status"] != "error" || rec["error_class"] != "denied" {
		t.Errorf("error %v, record %v", err, rec)
	}
}

func TestHashSQL(t *testing.T) {
	for _, tc := range []struct{ sql, shape string }{
		{"SELECT 1", "select ?"},
		{"  select\n\t1.5e-3 ;  ", "select ? ;"},
		{"select 'it''s', \"Name\" -- note\nfrom T /* x */ where a>=.5", `select ? , "Name" from t where a >= ?`},
		{"select 'open", "select 'open"},
		{"select /* open", "select /* open"},
		{`select "open`, `select "open`},
		{"a1 = b_2::int", "a1 = b_2 :: int"},
		{"1e", "? e"},
		{"", ""},
		{"é='ü'", "é = ?"},
	} {
		if got := shape(tc.sql); got != tc.shape {
			t.Errorf("shape(%q) = %q, want %q", tc.sql, got, tc.shape)
		}
	}
	if got := hashSQL("SELECT 1"); len(got) != 16 || got != hashSQL("select  2 -- x") || got == hashSQL("select a") {
		t.Errorf("hash %q", got)
	}
}

func FuzzShape(f *testing.F) {
	for _, s := range []string{"select 1", "'", "/*", "1e+", "\xff", "a--", `"x""y"`} {
		f.Add(s)
	}
	f.Fuzz(func(_ *testing.T, sql string) { _ = hashSQL(sql) })
}

// The caller learns what a query has cost from the trailing metadata of its call.
func TestCostInTrailer(t *testing.T) {
	s := start(t, Options{})
	for sql, rows := range map[string]string{"logs": "10", "late": "1"} {
		var trailer metadata.MD
		r, err := s.client.DoGet(within(t), ticket(sql), grpc.Trailer(&trailer))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := drain(r); (err != nil) != (sql == "late") {
			t.Fatal(err)
		}
		want := map[string]string{
			"x-query-rows": rows, "x-query-files": "3", "x-query-bytes-scanned": "1000", "x-query-rows-scanned": "50",
			"x-query-cpu-ms": "1.5", "x-query-peak-memory-bytes": "4096", "x-query-spilled-bytes": "7",
			"x-query-blocks-left-out": "2",
		}
		for key, value := range want {
			if got := trailer.Get(key); len(got) != 1 || got[0] != value {
				t.Errorf("%s: %s = %q, want %q", sql, key, got, value)
			}
		}
		for _, key := range []string{"x-query-id", "x-query-total-ms"} {
			if got := trailer.Get(key); len(got) != 1 || got[0] == "" {
				t.Errorf("%s: %s = %q", sql, key, got)
			}
		}
	}
}
