package lake

import (
	"testing"

	"github.com/google/uuid"

	"github.com/micromegas-go/micromegas/catalog"
	"github.com/micromegas-go/micromegas/telemetry"
)

// TestBlockBatches has layouts that fill a batch each four blocks: the rows are split, and stay whole.
func TestBlockBatches(t *testing.T) {
	process := catalog.ProcessRecord{Process: telemetry.Process{ID: telemetry.ProcessID(uuid.New())}}
	stream := catalog.StreamRecord{Stream: telemetry.Stream{
		ID: telemetry.StreamID(uuid.New()), ProcessID: process.ID, ObjectsMetadata: make([]byte, batchBytes/4),
	}}
	const n = 10
	records := make([]catalog.PendingBlock, n)
	for i := range records {
		records[i].Stream, records[i].Process = &stream, &process
		records[i].Block.Block = telemetry.Block{ID: telemetry.BlockID(uuid.New()), StreamID: stream.ID, ProcessID: process.ID, ObjectOffset: int64(i)}
	}
	batches := blockBatches(records)
	var got []int64
	row := 0
	for _, b := range batches {
		got = append(got, b.NumRows())
		for i := range int(b.NumRows()) {
			if id := b.Column(0).ValueStr(i); id != records[row].Block.ID.String() {
				t.Errorf("row %d has block %s, want %s", row, id, records[row].Block.ID)
			}
			row++
		}
	}
	if row != n || len(got) != 3 {
		t.Errorf("batches of %v rows, want 4, 4 and 2", got)
	}
}
