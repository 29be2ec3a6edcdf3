package lake

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/micromegas-go/micromegas/catalog"
)

// TestRenewal has work that takes many times its lease: nobody takes it over, and it is not thrown away.
func TestRenewal(t *testing.T) {
	var now atomic.Int64
	now.Store(time.Now().UnixNano())
	clock := func() time.Time { return time.Unix(0, now.Load()) }
	bucket := &hooked{}
	l := openLogs(t, Options{
		Objects: bucket, Now: clock, Maintenance: Maintenance{MergeFiles: 2, Lease: time.Hour, renewEvery: time.Millisecond},
	})
	db := l.catalog
	other := uuid.New()
	// slowly lets three leases pass while a file is being stored. What nobody renewed would be claimable now.
	slowly := func(claimable func() int) func() {
		return func() {
			for range 3 {
				now.Add(int64(time.Hour) - int64(time.Minute))
				for renewed := false; !renewed; {
					if err := t.Context().Err(); err != nil {
						t.Error(err)
						return
					}
					renewed = claimable() == 0
				}
			}
		}
	}
	pending := func() int {
		// Nothing is claimed here: what would be is counted, a little in the future.
		n := 0
		err := db.Read(t.Context(), func(r *catalog.Reader) error {
			counts, err := r.PendingCounts(t.Context())
			n = int(counts[catalog.LogEntries].Free)
			return err
		})
		if err != nil {
			t.Error(err)
		}
		return n
	}
	files := func() int {
		n := 0
		err := db.Read(t.Context(), func(r *catalog.Reader) error {
			list, err := r.Levels(t.Context(), catalog.ClaimPartitions{View: catalog.LogEntries, Level: 1})
			for _, level := range list {
				n += int(level.Files)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
		return n
	}
	for range 2 {
		l.send(t, 1)
		bucket.before = slowly(pending)
		if _, err := l.materialise(t.Context(), catalog.LogEntries); err != nil {
			t.Fatal(err)
		}
	}
	if files() != 2 || pending() != 0 {
		t.Fatalf("%d files, %d blocks pending", files(), pending())
	}
	bucket.before = slowly(files)
	if merged, err := l.merge(t.Context(), catalog.LogEntries, 0); !merged || err != nil {
		t.Fatalf("merge = %v, %v", merged, err)
	}
	if files() != 0 {
		t.Errorf("%d files are left", files())
	}
	if err := db.CheckCoverage(t.Context()); err != nil {
		t.Error(err)
	}

	// A merge whose claim another takes ends at once.
	ctx, stop := l.keepClaim(t.Context(), func(ctx context.Context) error {
		return db.RenewPartitions(ctx, other, []catalog.PartitionID{uuid.New()}, time.Hour)
	})
	defer stop()
	<-ctx.Done()
	if err := context.Cause(ctx); !errors.Is(err, catalog.ErrLostClaim) {
		t.Errorf("the context ended with %v, want ErrLostClaim", err)
	}
}
