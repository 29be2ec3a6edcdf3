package lake

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/micromegas-go/micromegas/catalog"
	"github.com/micromegas-go/micromegas/telemetry"
	"github.com/micromegas-go/micromegas/wire"
)

// TestDue has old blocks that cannot be materialised: the new ones still wait for their age.
func TestDue(t *testing.T) {
	now := time.Unix(1_767_225_600, 0)
	clock := func() time.Time { return now }
	l := openLogs(t, Options{Now: clock, Maintenance: Maintenance{PendingAge: time.Hour, QuarantineAfter: 1}})
	var b wire.LogBuilder
	good, _ := b.Finish()
	check := func(pending, quarantined, free int64) {
		t.Helper()
		if err := l.materialiseDue(t.Context()); err != nil {
			t.Fatal(err)
		}
		err := l.catalog.Read(t.Context(), func(r *catalog.Reader) error {
			counts, err := r.PendingCounts(t.Context())
			c := counts[catalog.LogEntries]
			if c.Pending != pending || c.Quarantined != quarantined || c.Free != free {
				t.Errorf("pending %d, quarantined %d, free %d; want %d, %d, %d", c.Pending, c.Quarantined, c.Free, pending, quarantined, free)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}

	l.sendPayload(t, l.stream.ProcessID, wire.Payload{Objects: []byte("no frame")}, 0)
	l.sendPayload(t, telemetry.ProcessID(uuid.New()), good, 0) // its process is unknown
	now = now.Add(2 * time.Hour)
	check(2, 1, 0)
	l.sendPayload(t, l.stream.ProcessID, good, 0)
	check(3, 1, 1)
	now = now.Add(2 * time.Hour)
	check(2, 1, 0)
}
