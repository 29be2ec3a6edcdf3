package lake_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/micromegas-go/micromegas/bench/load"
	"github.com/micromegas-go/micromegas/lake"
	"github.com/micromegas-go/micromegas/telemetry"
	"github.com/micromegas-go/micromegas/wire"
)

// BenchmarkPending answers from 20,000 blocks of 20 log entries that no partition holds, with one more each time: what a query
// costs while maintenance stands still. With unresolved ones there are as many blocks whose stream has not arrived.
func BenchmarkPending(b *testing.B) {
	for name, unresolved := range map[string]bool{"resolved": false, "with unresolved": true} {
		b.Run(name, func(b *testing.B) {
			r := openAt(b, b.TempDir(), lake.Maintenance{})
			source := load.NewSource(1, telemetry.TimeOf(time.Now()))
			if err := errors.Join(r.InsertProcess(b.Context(), source.Process), r.InsertStream(b.Context(), source.Stream)); err != nil {
				b.Fatal(err)
			}
			var sending sync.WaitGroup
			work := make(chan func(), 64)
			for range 64 {
				sending.Go(func() {
					for f := range work {
						f()
					}
				})
			}
			send := func(block telemetry.Block, payload wire.Payload) {
				if err := r.Append(b.Context(), block, payload); err != nil {
					b.Error(err)
				}
			}
			stranger := telemetry.StreamID(uuid.New())
			for range 20_000 {
				block, payload := source.Block(20)
				work <- func() { send(block, payload) }
				if unresolved {
					block, payload := source.Block(20)
					block.StreamID = stranger
					work <- func() { send(block, payload) }
				}
			}
			close(work)
			sending.Wait()
			ask := func() {
				s, err := r.Snapshot(b.Context(), []lake.Scan{{View: "log_entries"}})
				if err != nil {
					b.Fatal(err)
				}
				s.Close()
			}
			ask()
			for b.Loop() {
				send(source.Block(20))
				ask()
			}
		})
	}
}
