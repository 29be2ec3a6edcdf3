package main

import (
	"os/exec"
	"strings"
	"testing"
)

// The query engine is cgo and a hundred megabytes; who only takes telemetry in must not carry it.
func TestDoesNotLinkTheQueryEngine(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	for dep := range strings.FieldsSeq(string(out)) {
		if strings.Contains(dep, "duckdb") || strings.HasSuffix(dep, "/flightsql") {
			t.Errorf("links %s", dep)
		}
	}
}
