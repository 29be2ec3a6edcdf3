package lake_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/micromegas-go/micromegas/internal/fault"
	"github.com/micromegas-go/micromegas/lake"
)

// TestReadFaults sees what a query is told when a segment cannot be read.
func TestReadFaults(t *testing.T) {
	r, f := openFlaky(t)
	p, s, next := logBlock(t, ".")
	if err := errors.Join(r.InsertProcess(t.Context(), p), r.InsertStream(t.Context(), s)); err != nil {
		t.Fatal(err)
	}
	b, payload := next()
	payload.Objects = slices.Concat(payload.Objects, make([]byte, 8<<10)) // too large to live in the catalog
	if err := r.Append(t.Context(), b, payload); err != nil {
		t.Fatal(err)
	}
	scan := []lake.Scan{{View: "log_entries"}}
	check := func(ctx context.Context, want fault.Kind) {
		t.Helper()
		_, err := r.Snapshot(ctx, scan)
		if e := fault.Of(err); e == nil || e.Kind != want {
			t.Errorf("Snapshot = %v, want kind %d", err, want)
		}
	}

	f.fail.Store(true)
	check(t.Context(), fault.Unavailable)
	f.fail.Store(false)

	f.gate = make(chan struct{})
	ctx, cancel := context.WithTimeoutCause(t.Context(), 20*time.Millisecond, fault.New(fault.Exhausted, "the query ran too long"))
	defer cancel()
	check(ctx, fault.Exhausted)
	ctx, cancel = context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	check(ctx, fault.Canceled)
}
