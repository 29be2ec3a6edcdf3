package lake

import (
	"fmt"
	"maps"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/google/uuid"

	"github.com/micromegas-go/micromegas/catalog"
	"github.com/micromegas-go/micromegas/telemetry"
)

// TestRecords reads processes, streams and blocks that are many enough for a file: nothing but one batch is in memory, and the
// rows are those of the lists that fit into memory.
func TestRecords(t *testing.T) {
	u := openLogs(t, Options{})
	const n, each = 40, 2
	process := telemetry.Process{ID: telemetry.ProcessID(uuid.New()), Exe: "game", Properties: map[string]string{"a": "b"}}
	var blocks []catalog.BlockRecord
	for range n {
		s := telemetry.Stream{
			ID: telemetry.StreamID(uuid.New()), ProcessID: process.ID, ObjectsMetadata: make([]byte, batchBytes/16), Tags: []string{"a", "b"},
		}
		if _, err := u.catalog.InsertStream(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		for range each {
			blocks = append(blocks, catalog.BlockRecord{Block: telemetry.Block{
				ID: telemetry.BlockID(uuid.New()), StreamID: s.ID, ProcessID: process.ID, ObjectOffset: int64(len(blocks)),
			}})
		}
	}
	if _, err := u.catalog.InsertProcess(t.Context(), process); err != nil {
		t.Fatal(err)
	}
	if _, err := u.catalog.Append(t.Context(), blocks); err != nil {
		t.Fatal(err)
	}
	read := func(scan Scan) (values map[string]int, batches int) {
		t.Helper()
		s, err := u.Snapshot(t.Context(), []Scan{scan})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		table := s.Tables[0]
		values = map[string]int{}
		for b, err := range table.Read(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			if b.NumCols() != int64(table.Schema.NumFields()) {
				t.Fatalf("%d columns, want %d", b.NumCols(), table.Schema.NumFields())
			}
			for row := range int(b.NumRows()) {
				values[rowText(b, row)]++
			}
		}
		if len(values) > 0 && (len(table.Files) > 0) == (len(table.Batches) > 0) {
			t.Errorf("%d files, %d batches", len(table.Files), len(table.Batches))
		}
		return values, len(table.Batches)
	}
	all, batches := read(Scan{View: "blocks"})
	if len(all) != len(blocks) || batches != 0 {
		t.Errorf("%d blocks in %d batches, want %d in a file", len(all), batches, len(blocks))
	}
	parts := map[string]int{}
	for i := 0; i < len(blocks); i += each {
		some, batches := read(Scan{View: "blocks", Only: Only{Stream: blocks[i].StreamID.String()}})
		if len(some) != each || batches != 1 {
			t.Errorf("%d blocks of a stream in %d batches", len(some), batches)
		}
		maps.Copy(parts, some)
	}
	if !maps.Equal(all, parts) {
		t.Error("the blocks in a file are others than those in memory")
	}
	if found, batches := read(Scan{View: "streams"}); len(found) != n+1 || batches != 0 {
		t.Errorf("%d streams in %d batches, want %d in a file", len(found), batches, n+1)
	}
	if found, batches := read(Scan{View: "processes"}); len(found) != 2 || batches != 1 {
		t.Errorf("%d processes in %d batches", len(found), batches)
	}
	if found, _ := read(Scan{View: "blocks", Only: Only{Block: uuid.NewString()}}); len(found) != 0 {
		t.Errorf("%d blocks that are not there", len(found))
	}
	if u.cache.size != 0 {
		t.Errorf("%d bytes are left in the cache", u.cache.size)
	}
}

// rowText is a row, of bytes only how many they are.
func rowText(b arrow.RecordBatch, row int) (text string) {
	for i, c := range b.Columns() {
		if v, ok := c.(*array.Binary); ok {
			text += fmt.Sprintf("%d bytes ", len(v.Value(row)))
			continue
		}
		text += fmt.Sprintf("%s=%s ", b.ColumnName(i), c.ValueStr(row))
	}
	return text
}
