package server_test

import (
	"io"
	"strings"
	"testing"

	"github.com/micromegas-go/micromegas/internal/server"
	"github.com/micromegas-go/micromegas/lake"
)

// Variables of other Micromegas servers count where ours are not set, and what is wrong with them is told under their names.
func TestVariablesOfOtherServers(t *testing.T) {
	days, err := lake.ParseRetention("*=30d")
	if err != nil {
		t.Fatal(err)
	}
	c, err := server.Load(both, nil, environment("MICROMEGAS_RETENTION_DAYS", "30", "MICROMEGAS_DATAFUSION_MEMORY_BUDGET_MB", "512"), io.Discard)
	if err != nil || c.Query.MemoryBytes != 512<<20 || c.Retention.String() != days.String() {
		t.Errorf("%d bytes, retention %s, %v", c.Query.MemoryBytes, c.Retention, err)
	}
	c, err = server.Load(both, []string{"--query-memory-mb", "128"}, environment(
		"MICROMEGAS_RETENTION_DAYS", "x", server.EnvRetention, "*=7d", "MICROMEGAS_DATAFUSION_MEMORY_BUDGET_MB", "y"), io.Discard)
	if err != nil || c.Query.MemoryBytes != 128<<20 || !strings.Contains(c.Retention.String(), "7d") {
		t.Errorf("ours beside them: %d bytes, retention %s, %v", c.Query.MemoryBytes, c.Retention, err)
	}
	if _, err := server.Load(both, nil, environment("MICROMEGAS_RETENTION_DAYS", "ninety"), io.Discard); err == nil ||
		!strings.Contains(err.Error(), "MICROMEGAS_RETENTION_DAYS: ") {
		t.Errorf("Load = %v", err)
	}
}

// Who relies on rows being kept from callers learns at the start that they are not.
func TestScopesAreRefused(t *testing.T) {
	scoped := environment("MICROMEGAS_AUDIENCE_GRANTS", `[{"audience": "a"}]`, "MICROMEGAS_ANALYTICS_UNSTAMPED_AUDIENCE", "secret",
		"MICROMEGAS_UNSTAMPED_AUDIENCE", "public")
	_, err := server.Load(both, nil, scoped, io.Discard)
	for _, want := range []string{"2 mistakes", "MICROMEGAS_AUDIENCE_GRANTS: this server does not keep rows", "MICROMEGAS_ANALYTICS_UNSTAMPED_AUDIENCE: "} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v lacks %q", err, want)
		}
	}
	if _, err := server.Load(ingestionOnly, nil, scoped, io.Discard); err != nil {
		t.Errorf("a server that answers no queries: %v", err)
	}
}
