package main

import (
	"bytes"
	"io"
	"strings"
	"testing"
)

func TestHelp(t *testing.T) {
	var out bytes.Buffer
	if err := run(t.Context(), []string{"--help"}, func(string) string { return "" }, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Usage: flight-sql-srv [flags]", "--listen-endpoint-grpc <host:port>", "(default 0.0.0.0:50051)"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("help does not mention %q:\n%s", want, out.String())
		}
	}
	if strings.Contains(out.String(), "--listen-endpoint-http") {
		t.Errorf("help mentions --listen-endpoint-http, which this program has not")
	}
}

// Without a way to authenticate the program ends before it opens anything, and names the ways.
func TestNoAuthentication(t *testing.T) {
	getenv := func(name string) string { return map[string]string{"HOME": t.TempDir()}[name] }
	err := run(t.Context(), nil, getenv, io.Discard, io.Discard)
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"MICROMEGAS_API_KEYS", "MICROMEGAS_OIDC_CONFIG", "--disable-auth"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("run = %v, want it to name %s", err, want)
		}
	}
}
